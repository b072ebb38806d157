import { type CrewKeys, crewKeys, parseKey } from "@tabcast/protocol";
import { CodedError, fromHex } from "@tabcast/runtime";

/** A private stream's crew link, taken apart. */
export interface CrewLink {
  /** Lower-case hex of the stream's id. */
  readonly stream: string;
  /** What stands after "#" in the link, 43 characters. */
  readonly key: string;
}

/** Private streams that a worker may have links of: it has no more than that many to hear of. */
const MOST_LINKS = 16;

/** A crew link names no stream, or there are too many of them. Do: copy the whole link again; leave out those of streams that are over. */
export class CrewLinkError extends CodedError<{ code: "WORKER_CREW_LINK" }> {}

/** The private streams that a worker may work for, by their ids in hexadecimal. */
export interface PrivateCrews {
  /**
   * Joins a stream's crew; with another key where it was joined before. Throws PROTOCOL_KEY or WORKER_CREW_LINK for a link that is not
   * whole, or a seventeenth.
   */
  join(link: CrewLink): void;
  /** Forgets a stream's link, so that there is room for another; nothing where there is none. Jobs in hand are finished. */
  leave(stream: string): void;
  has(stream: string): boolean;
  /** Undefined until they have been derived, and for a stream whose link is not here. */
  keys(stream: string): CrewKeys | undefined;
  /** Resolves with them; undefined for a stream whose link is not here. */
  ready(stream: string): Promise<CrewKeys | undefined>;
  /** Calls `on` once for each stream: those that are joined, and those that will be. `left` fires when a stream is left. */
  each(on: (stream: string, left: AbortSignal) => void): void;
}

/** A link that was joined. */
interface Coming {
  readonly keys: Promise<CrewKeys>;
  /** Fires when its stream is left; another link of it changes nothing. */
  readonly left: AbortController;
}

/** `joined` is told each crew's token. */
export function openPrivateCrews(joined: (token: Uint8Array) => void): PrivateCrews {
  const known = new Map<string, CrewKeys>();
  const coming = new Map<string, Coming>();
  const listeners: Parameters<PrivateCrews["each"]>[0][] = [];

  function derive(stream: string, secret: Uint8Array, left: AbortController): Coming {
    const keys = crewKeys(fromHex(stream), secret);
    const one = { keys, left };
    keys.then(
      (found) => {
        // Another link, or a goodbye, may have come meanwhile.
        if (coming.get(stream) !== one) return;
        joined(found.token);
        known.set(stream, found);
      },
      () => {}, // whoever waits for them hears of it
    );
    return one;
  }

  return {
    join({ stream, key }) {
      if (!/^[0-9a-f]{64}$/.test(stream))
        throw new CrewLinkError(
          { code: "WORKER_CREW_LINK" },
          `a crew link names its stream by 64 hexadecimal digits, this one has ${stream.length} characters or others`,
        );
      const secret = parseKey(key);
      const before = coming.get(stream);
      if (before === undefined && coming.size >= MOST_LINKS)
        throw new CrewLinkError(
          { code: "WORKER_CREW_LINK" },
          `a worker takes at most ${MOST_LINKS} crew links`,
        );
      const left = before?.left ?? new AbortController();
      coming.set(stream, derive(stream, secret, left));
      if (before === undefined) for (const on of listeners) on(stream, left.signal);
    },
    leave(stream) {
      coming.get(stream)?.left.abort();
      coming.delete(stream);
      known.delete(stream);
    },
    has: (stream) => coming.has(stream),
    keys: (stream) => known.get(stream),
    ready: async (stream) => coming.get(stream)?.keys,
    each(on) {
      listeners.push(on);
      for (const [stream, { left }] of coming) on(stream, left.signal);
    },
  };
}
