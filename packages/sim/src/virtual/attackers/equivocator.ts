import { Entry, Envelope, Keys, type Signer, sealEntry, streamTopic } from "@tabcast/protocol";
import { stageStream } from "../stream.ts";
import type { Peer } from "../world.ts";
import type { Attacker, Hostile } from "./attacker.ts";
import { streamOf } from "./stream-part.ts";

/** Other entries that it signs for each segment. */
const OTHERS = 5;

/** Signs further entries, of other bytes, for every segment that it publishes. */
function equivocating({ mesh }: Peer, keys: Signer, did: Hostile["did"]): void {
  const { publish } = mesh;
  const topic = streamTopic(keys.publicKey);
  mesh.publish = async (on, body) => {
    await publish(on, body);
    if (on !== topic || Envelope.kindOf(body) !== "entry") return;
    did("segments with six entries");
    const entry = Entry.decode(Envelope.read(body).payload);
    for (let i = 1; i <= OTHERS; i++)
      await publish(on, await sealEntry(keys, { ...entry, capturedMs: entry.capturedMs + i }));
  };
}

export const equivocator: Attacker = {
  what: "broadcasts, hires workers, and signs five more entries for each of its segments",
  aims: "viewers of its stream, who would see different ones, and gossip's memory of entries",
  bound:
    "two entries of a segment pass, the rest do not; the first one counts; a viewer keeps 16 proofs",
  async start(world, { names, did }) {
    for (const [i, name] of names.entries()) {
      const part = streamOf(world, name, i);
      const keys = await Keys.fromSeed(part.streamSeed);
      const { start } = await stageStream(world, part, (peer) => equivocating(peer, keys, did));
      const { finished } = await start();
      finished.catch(() => {}); // nobody minds how it ends
    }
  },
};
