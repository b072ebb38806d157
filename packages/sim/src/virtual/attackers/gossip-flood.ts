import { OFFERS_TOPIC, PROTOCOLS, sealOffer, TOPICS } from "@tabcast/protocol";
import type { Peer, World } from "../world.ts";
import { type Attacker, every, type Hostile, madeUp, openAll, pick } from "./attacker.ts";
import { type Ears, listen } from "./overheard.ts";

/** Streams that one peer may speak for. Source: protocol's gossip.ts. */
const STREAMS = 4;
/** Garbage of up to this size, in bytes: what is larger than a topic takes is dropped unread, and costs the model more than the network. */
const GARBAGE = 512;

/** Offers well-formed work that nobody will get: those who bid wait for an answer that never comes. */
async function offerNothing(
  world: World,
  peer: Peer,
  ears: Ears,
  did: Hostile["did"],
): Promise<void> {
  const random = world.rng(`flood/${peer.name}`);
  const streams = await madeUp(random, STREAMS);
  peer.mesh.serve(
    PROTOCOLS.bid,
    async function* (_, { signal }) {
      did("bids left unanswered");
      await peer.node.tab.clock.sleep(1e9, { signal });
      yield* [];
    },
    { signal: world.signal, maxPerPeer: 64 },
  );
  every(world, { ms: 4_000, random }, async () => {
    const keys = pick(streams, random);
    const model = pick([...ears.offers.values()], random);
    if (keys === undefined || model === undefined) return;
    const offer = {
      ...model,
      id: random.bytes(16),
      stream: keys.publicKey.slice(),
      broadcaster: peer.self,
      maxPrice: model.maxPrice * 2n,
      atMs: Math.round(peer.node.tab.clock.unix()),
    };
    did("empty offers");
    await peer.mesh.publish(OFFERS_TOPIC, await sealOffer(keys, offer));
  });
}

export const gossipFlood: Attacker = {
  what: "publishes 25 messages of garbage a second on all topics, and every four seconds an offer of a stream that never answers a bid",
  aims: "gossip's allowances, and workers' memory of offers",
  bound:
    "honest offers, entries and announcements still pass; a worker keeps four offers of a broadcaster, 128 in all",
  async start(world, hostile) {
    const peers = await openAll(world, hostile);
    const [first] = peers as [Peer];
    const ears = listen(world, first);
    for (const peer of peers) {
      const random = world.rng(`garbage/${peer.name}`);
      every(world, { ms: 40, random }, () => {
        hostile.did("garbage");
        const topic = pick(TOPICS, random) as string;
        return world.net.bring(
          peer.node,
          peer.self,
          topic,
          random.bytes(1 + random.below(GARBAGE)),
        );
      });
      await offerNothing(world, peer, ears, hostile.did);
    }
  },
};
