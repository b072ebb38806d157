import type { Peer } from "../world.ts";
import { type Attacker, every, openAll, pick } from "./attacker.ts";
import { listen } from "./overheard.ts";

/** Nothing younger is replayed, in milliseconds: what is younger is merely late. */
const OLD_MS = 20_000;

export const replay: Attacker = {
  what: "brings offers, announcements, entries and proofs that it heard 20 s to minutes ago once more, as their authors' and as its own",
  aims: "hiring, and what viewers see of a stream",
  bound: "what is old changes nothing",
  async start(world, hostile) {
    const peers = await openAll(world, hostile);
    const ears = listen(world, peers[0] as Peer);
    for (const { node, mesh, name } of peers) {
      const random = world.rng(`replay/${name}`);
      every(world, { ms: 150, random }, async () => {
        const old = ears.all.filter(({ at }) => world.timeline.now - at > OLD_MS);
        const one = pick(old, random);
        if (one === undefined) return;
        hostile.did("replays");
        await world.net.bring(node, one.author, one.topic, one.body);
        if (random.fraction() < 0.2) await mesh.publish(one.topic, one.body);
      });
    }
  },
};
