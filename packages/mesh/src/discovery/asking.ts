/** Asking for peers, and answering. */
import type { Connection } from "@libp2p/interface";
import { Allowances, type Bytes, type Clock, toError } from "@tabcast/runtime";
import { overStream } from "../duplex.ts";
import { MeshError } from "../error.ts";
import { leash } from "../leash.ts";
import type { Mesh, PeerId, Waits } from "../mesh.ts";
import { type AskOptions, ask } from "../rpc.ts";
import type { PeersWire, Sample } from "./types.ts";

/** Answers that one peer may have; it needs one in four seconds. */
const ANSWERS = { perSecond: 1, burst: 8 };
/** Peers whose allowances are known: more than a relay has connections. */
const MOST_PEERS = 8_192;
const NOTHING = new Uint8Array(0);

/** Asks whoever is at the other end of an open connection. Throws MESH_*, what the wire's reader throws, or the signal's reason. */
export async function askPeers(
  connection: Connection,
  wire: PeersWire,
  { turns, signal }: Waits & Pick<AskOptions, "turns">,
): Promise<Sample> {
  const { protocol } = wire;
  const peer = connection.remotePeer.toString();
  const opening = leash(signal);
  const stream = await connection
    .newStream(protocol, { signal: opening.signal })
    .finally(opening.release);
  const question = { head: wire.ask(), body: NOTHING };
  const terms = { peer, protocol, maxBody: 0 as Bytes, turns, signal };
  for await (const { head } of ask(overStream(stream, connection), question, terms))
    return wire.read(head);
  const cause = toError("an answer without a part");
  throw new MeshError({ code: "MESH_PEER_LOST", peer }, `${peer} named nobody`, { cause });
}

export interface AnswerPeersOptions extends Waits {
  readonly clock: Pick<Clock, "now">;
  /** What is said to who asks. */
  readonly sample: (asker: PeerId) => Sample;
}

/** Answers until the signal fires. What is no question, or one too many, gets no answer. */
export function answerPeers(
  serve: Mesh["serve"],
  wire: PeersWire,
  { sample, clock, signal }: AnswerPeersOptions,
): void {
  const answers = new Allowances(ANSWERS, MOST_PEERS);
  serve(
    wire.protocol,
    async function* ({ head }, { peer }) {
      if (!answers.take(peer, clock.now())) throw new Error(`${peer} asks too often`);
      wire.readAsk(head);
      yield { head: wire.answer(sample(peer)), body: NOTHING };
    },
    { signal, maxBody: 0 as Bytes, maxPerPeer: 1 },
  );
}
