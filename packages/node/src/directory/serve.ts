/** A directory of live streams that others read: a relay's, of all that it hears; a tab's, of its own broadcasts. */
import type { GossipMessage, Mesh } from "@tabcast/mesh";
import {
  Announce,
  Envelope,
  LIVE_TOPIC,
  LiveReply,
  LiveRequest,
  PROTOCOLS,
} from "@tabcast/protocol";
import { Allowances, type Bytes } from "@tabcast/runtime";
import type { Context } from "../context.ts";
import { Directory } from "./directory.ts";

const NOTHING = new Uint8Array(0);

/** Pages that one peer may have: its list asks each second at most, and as often each stream that it waits for. */
const PAGES = { perSecond: 4, burst: 16 };
/** Pages that all peers of one address may have. */
const PAGES_OF_ADDRESS = { perSecond: 64, burst: 256 };
/** Peers whose allowances are known: more than a relay has connections. */
const MOST_PEERS = 8_192;

/** What a directory needs of a relay. */
export interface Hearing extends Pick<Mesh, "serve"> {
  /** Whose voice a peer's is: its address's, where that says anything. */
  groupOf(peer: string): string;
  hear(
    topic: string,
    on: (message: GossipMessage & { readonly group: string }) => void,
    options: { readonly signal: AbortSignal },
  ): void;
}

/** What time it is, and when it ends. */
type Time = Pick<Context, "clock" | "signal">;

/** Answers LiveRequests from a directory until the signal fires. What is no request gets no answer. */
function answerLive(
  { serve, groupOf = (peer) => peer }: Pick<Mesh, "serve"> & Partial<Hearing>,
  directory: Directory,
  { clock, signal }: Time,
): void {
  const pages = new Allowances(PAGES, MOST_PEERS);
  const together = new Allowances(PAGES_OF_ADDRESS, MOST_PEERS);
  serve(
    PROTOCOLS.live,
    async function* ({ head }, { peer }) {
      const now = clock.now();
      if (!pages.take(peer, now) || !together.take(groupOf(peer), now))
        throw new Error(`${peer}, or its address, reads too many pages`);
      const page = directory.page(LiveRequest.decode(head), now);
      yield { head: LiveReply.encode(page), body: NOTHING };
    },
    { signal, maxBody: 0 as Bytes, maxPerPeer: 2 },
  );
}

/** Lists what a relay hears, until the signal fires. Its gossip rules have opened every announcement before it is heard here. */
export function serveDirectory(relay: Hearing, { clock, signal }: Time): Directory {
  const directory = new Directory();
  relay.hear(
    LIVE_TOPIC,
    ({ body, group }) => {
      try {
        const announce = Announce.decode(Envelope.payloadOf(body));
        directory.take({ announce, sealed: body.slice(), group }, clock.now());
      } catch {
        // A relay without rules hears rubbish too.
      }
    },
    { signal },
  );
  answerLive(relay, directory, { clock, signal });
  return directory;
}

const own = new WeakMap<Mesh, Directory>();
/** The mesh itself ends what is served for its whole life. One for each, which goes with it. */
const forever = () => new AbortController().signal;

/** The directory of a tab's own broadcasts, which it answers from. */
export function directoryOf({ mesh, clock }: Pick<Context, "mesh" | "clock">): Directory {
  const known = own.get(mesh);
  if (known !== undefined) return known;
  const directory = new Directory();
  own.set(mesh, directory);
  answerLive(mesh, directory, { clock, signal: forever() });
  return directory;
}
