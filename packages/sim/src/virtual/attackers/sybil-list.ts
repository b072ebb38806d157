import { LIVE_TOPIC, peerIdOf, type Signer, sealAnnounce, streamTopic } from "@tabcast/protocol";
import type { Peer } from "../world.ts";
import { type Attacker, every, madeUp, openAll, pick } from "./attacker.ts";
import { listen } from "./overheard.ts";

/** Identities of one hostile peer. */
const IDENTITIES = 1_000;

export const sybilList: Attacker = {
  what: "announces 1,000 made-up streams for each hostile peer, each as a made-up broadcaster, twenty times a second by one connection",
  aims: "the list of live streams, and gossip's memory of streams",
  bound:
    "a connection brings relays two announcements a second; every honest stream is still listed",
  async start(world, hostile) {
    const peers = await openAll(world, hostile);
    const ears = listen(world, peers[0] as Peer);
    for (const { node, name } of peers) {
      const random = world.rng(`sybils/${name}`);
      const identities = await madeUp(random, IDENTITIES);
      every(world, { ms: 50, random }, async () => {
        const announce = pick([...ears.announces.values()], random);
        const keys = pick(identities, random) as Signer;
        if (announce === undefined) return;
        const stream = keys.publicKey.slice();
        const broadcaster = peerIdOf(keys.publicKey);
        const atMs = Math.round(node.tab.clock.unix());
        const made = { ...announce, stream, broadcaster, atMs, startedMs: 0, title: "free money" };
        const topic = random.fraction() < 0.8 ? LIVE_TOPIC : streamTopic(stream);
        hostile.did("announcements of nothing");
        await world.net.bring(node, broadcaster, topic, await sealAnnounce(keys, made));
      });
    }
  },
};
