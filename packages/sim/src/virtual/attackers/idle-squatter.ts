import type { Peer } from "../world.ts";
import { type Attacker, every, openAll, pick } from "./attacker.ts";
import { listen } from "./overheard.ts";
import { strangers } from "./strangers.ts";

/** Identities of one hostile peer. */
const IDENTITIES = 40;

export const idleSquatter: Attacker = {
  what: "connects to broadcasters under forty identities, four times a second, asks for nothing and stays",
  aims: "the places of broadcasters, so that workers and viewers find none",
  bound: "a tab holds 64 connections, and who never asks makes room",
  async start(world, hostile) {
    const peers = await openAll(world, hostile);
    const ears = listen(world, peers[0] as Peer);
    for (const { name } of peers) {
      const random = world.rng(`squat/${name}`);
      const nodes = await strangers(world, name, IDENTITIES);
      every(world, { ms: 250, random }, async () => {
        const [node, offer] = [pick(nodes, random), pick([...ears.offers.values()], random)];
        if (node === undefined || offer === undefined) return;
        await world.net.connect(node, offer.broadcaster, { signal: world.signal });
        hostile.did("connections to broadcasters");
      });
    }
  },
};
