import type { PeerId } from "@tabcast/mesh";
import { madeUpPeers } from "@tabcast/mesh/attacks";
import type { Named } from "@tabcast/mesh/parts";
import { OFFERS_TOPIC } from "@tabcast/protocol";
import { openPeer, type Peer, type World } from "../world.ts";
import { type Attacker, every, pick } from "./attacker.ts";

/** Identities of one hostile peer, at one address. */
const IDENTITIES = 3;

/** Addresses at which a peer is reached, from whatever relays it holds slots at. */
function addressesOf({ relays }: World, peer: PeerId): string[] {
  if (relays === undefined) return [];
  return [...relays.all.values()]
    .filter(({ slots }) => slots.reservations.has(peer))
    .map(({ id }) => relays.configured.through(id, peer).toString());
}

/** One identity of the ring: it says that it listens to offers, and names those of its ring and peers that do not exist. */
async function openLiar(world: World, name: string, host: string, ring: Named[]): Promise<Peer> {
  const { relays, rng, signal } = world;
  const random = rng(`eclipse/${name}`);
  const ids = relays === undefined ? [] : [...relays.all.keys()];
  const named = () =>
    Array.from({ length: 8 }, () => pick(ring, random) as Named).concat(
      madeUpPeers(random, ids).slice(0, 8),
    );
  const peer = await openPeer(world, name, random.bytes(32), { as: { named, host, degree: 0 } });
  relays?.hostile.add(peer.self);
  ring.push({ peer: peer.self, relays: ids.slice(0, 2) });
  peer.mesh.subscribe(OFFERS_TOPIC, () => {}, { signal });
  return peer;
}

export const eclipse: Attacker = {
  what: "has three identities each at one address, which name each other and peers that do not exist, and dial every tab within seconds of its coming",
  aims: "whom a fresh tab meets, and its dials",
  bound: "every tab has four honest neighbours after half a minute",
  async start(world, { names }) {
    const ring: Named[] = [];
    const { net, relays, signal } = world;
    for (const name of names) {
      const host = world.host();
      const liars = await Promise.all(
        Array.from({ length: IDENTITIES }, (_, i) => openLiar(world, `${name}/${i}`, host, ring)),
      );
      const random = world.rng(`dials/${name}`);
      every(world, { ms: 250, random }, async () => {
        const liar = pick(liars, random) as Peer;
        const victims = net.peers().filter((peer) => relays?.hostile.has(peer) === false);
        const victim = pick(victims, random);
        if (victim === undefined || relays?.all.has(victim)) return;
        await net.connect(liar.node, victim, { addrs: addressesOf(world, victim), signal });
      });
    }
  },
};
