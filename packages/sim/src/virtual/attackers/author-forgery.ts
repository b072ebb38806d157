import {
  LIVE_TOPIC,
  OFFERS_TOPIC,
  PROTOCOLS,
  type Signer,
  sealAnnounce,
  sealBid,
  sealClosed,
  sealEntry,
  sealOffer,
  streamTopic,
} from "@tabcast/protocol";
import type { Random } from "@tabcast/runtime";
import type { Peer, World } from "../world.ts";
import { type Attacker, every, type Hostile, madeUp, openAll, pick } from "./attacker.ts";
import { type Ears, listen } from "./overheard.ts";

const NOTHING = new Uint8Array(0);

/** Says in the names of those who were overheard that offers are closed, streams over, entries others, and bids theirs. */
function forge(
  world: World,
  peer: Peer,
  ears: Ears,
  { keys, did }: { readonly keys: Signer; readonly did: Hostile["did"] },
): void {
  const { mesh, node } = peer;
  const random = world.rng(`forge/${peer.name}`);
  const one = <T>(of: ReadonlyMap<string, T>, by: Random = random) => pick([...of.values()], by);
  const now = () => Math.round(node.tab.clock.unix());
  const forgeries = [
    async () => {
      const offer = one(ears.offers);
      if (offer === undefined) return;
      did("forged ends of offers");
      const { id, stream, broadcaster } = offer;
      await mesh.publish(OFFERS_TOPIC, await sealClosed(keys, { offer: id, stream, broadcaster }));
      // The same of a stream of its own, which may not close another's.
      const own = { offer: id, stream: keys.publicKey.slice(), broadcaster: mesh.self };
      await mesh.publish(OFFERS_TOPIC, await sealClosed(keys, own));
    },
    async () => {
      const offer = one(ears.offers);
      if (offer === undefined) return;
      did("forged offers");
      const other = { ...offer, maxPrice: 1n, atMs: now() + 30_000 };
      await mesh.publish(OFFERS_TOPIC, await sealOffer(keys, other));
    },
    async () => {
      const announce = one(ears.announces);
      if (announce === undefined) return;
      did("forged ends of streams");
      const over = await sealAnnounce(keys, { ...announce, ended: true, atMs: now() + 30_000 });
      await mesh.publish(LIVE_TOPIC, over);
      await mesh.publish(streamTopic(announce.stream), over);
    },
    async () => {
      const entry = one(ears.entries);
      if (entry === undefined) return;
      did("forged entries");
      const next = { ...entry, seq: entry.seq + 1, tracks: entry.tracks.slice(0, 1) };
      await mesh.publish(streamTopic(entry.stream), await sealEntry(keys, next));
    },
    async () => {
      const overheard = pick(ears.all, random);
      if (overheard === undefined) return;
      did("others' messages as its own");
      await mesh.publish(overheard.topic, overheard.body);
    },
    () => {
      did("forged bids");
      return bidAs(world, peer, ears, keys, random);
    },
  ];
  every(world, { ms: 200, random }, () => pick(forgeries, random)?.());
}

/** Bids in the name of some worker, so that whoever is hired of it never answers. */
async function bidAs(
  { signal }: World,
  { mesh, node }: Peer,
  ears: Ears,
  keys: Signer,
  random: Random,
): Promise<void> {
  const offer = pick([...ears.offers.values()], random);
  const worker = pick(mesh.subscribers(OFFERS_TOPIC), random);
  if (offer === undefined || worker === undefined) return;
  const head = await sealBid(keys, {
    offer: offer.id,
    worker,
    payee: random.bytes(20),
    lane: 0,
    price: 1n,
    pixelsPerS: 1e9,
    slots: 8,
    queueMs: 0,
    ageMs: 0,
    tags: [],
    addrs: [],
    proof: NOTHING,
    payeeProof: NOTHING,
    award: random.bytes(16),
  });
  const until = AbortSignal.any([signal, node.tab.clock.timeout(5_000)]);
  const request = { head, body: NOTHING };
  for await (const _ of mesh.request(offer.broadcaster, PROTOCOLS.bid, request, { signal: until }))
    return;
}

export const authorForgery: Attacker = {
  what: "says in honest peers' names that offers are closed, streams over, entries and prices others, and bids as other workers",
  aims: "hiring, and what viewers see of a stream",
  bound: "what its author does not name is rejected; a bid that its worker did not sign is refused",
  async start(world, hostile) {
    const peers = await openAll(world, hostile);
    const ears = listen(world, peers[0] as Peer);
    const keys = await madeUp(hostile.random, peers.length);
    for (const [i, peer] of peers.entries())
      forge(world, peer, ears, { keys: keys[i] as Signer, did: hostile.did });
  },
};
