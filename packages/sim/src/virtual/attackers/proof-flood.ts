import { Equivocation, PROOFS_TOPIC, peerIdOf, type Signer, sealReceipt } from "@tabcast/protocol";
import type { Random } from "@tabcast/runtime";
import { type Attacker, every, madeUp, openAll } from "./attacker.ts";

/** Two receipts of one segment by a worker that was made up for them: a proof that is true, and about nobody. */
async function proofOf(worker: Signer, random: Random): Promise<Uint8Array> {
  const receipt = {
    award: random.bytes(16),
    epoch: 1,
    seq: 1,
    sourceHash: random.bytes(32),
    renditions: [],
    encodeMs: 100,
    hardware: "sw" as const,
    stream: random.bytes(32),
  };
  const rendition = () => ({
    rung: "240p",
    initHash: random.bytes(32),
    mediaHash: random.bytes(32),
    initLen: 100,
    mediaLen: 1_000,
    frames: 60,
  });
  return Equivocation.encode({
    first: await sealReceipt(worker, { ...receipt, renditions: [rendition()] }),
    second: await sealReceipt(worker, { ...receipt, renditions: [rendition()] }),
  });
}

export const proofFlood: Attacker = {
  what: "publishes ten true proofs a second, each about a worker made up for it, half of them as authors made up as well",
  aims: "broadcasters' memory of workers, so that proven ones are forgotten and cheats come back",
  bound: "at most 512 records of proofs, of workers that are known or bid",
  async start(world, hostile) {
    for (const { node, self, name } of await openAll(world, hostile)) {
      const random = world.rng(`proofs/${name}`);
      every(world, { ms: 100, random }, async () => {
        const [worker, author] = (await madeUp(random, 2)) as [Signer, Signer];
        const by = random.fraction() < 0.5 ? self : peerIdOf(author.publicKey);
        hostile.did("proofs about nobody");
        await world.net.bring(node, by, PROOFS_TOPIC, await proofOf(worker, random));
      });
    }
  },
};
