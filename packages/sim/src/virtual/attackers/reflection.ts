import { LIVE_TOPIC, OFFERS_TOPIC, peerIdOf, sealAnnounce, sealOffer } from "@tabcast/protocol";
import type { Peer } from "../world.ts";
import { type Attacker, every, madeUp, openAll, pick } from "./attacker.ts";
import { listen } from "./overheard.ts";

export const reflection: Attacker = {
  what: "offers well-paid work and announces streams, ten times a second and as identities made for each, in the name of one broadcaster",
  aims: "the broadcaster it names, which all workers would dial and bid at",
  bound: "the broadcaster gets no request more for it",
  async start(world, hostile) {
    const peers = await openAll(world, hostile);
    const ears = listen(world, peers[0] as Peer);
    for (const peer of peers) {
      const random = world.rng(`reflect/${peer.name}`);
      every(world, { ms: 100, random }, async () => {
        const [victim] = ears.offers.values();
        const announce = pick([...ears.announces.values()], random);
        const [keys] = await madeUp(random, 1);
        if (victim === undefined || keys === undefined) return;
        const stream = keys.publicKey.slice();
        const atMs = Math.round(peer.node.tab.clock.unix());
        const offer = { ...victim, id: random.bytes(16), stream, atMs, wanted: 8 };
        const sealed = await sealOffer(keys, offer);
        const author = random.fraction() < 0.5 ? peer.self : peerIdOf(keys.publicKey);
        hostile.did("offers in a victim's name");
        await world.net.bring(peer.node, author, OFFERS_TOPIC, sealed);
        if (announce === undefined) return;
        const told = { ...announce, stream, broadcaster: victim.broadcaster, atMs };
        await world.net.bring(peer.node, author, LIVE_TOPIC, await sealAnnounce(keys, told));
      });
    }
  },
};
