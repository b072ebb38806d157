import type { PeerId } from "@tabcast/mesh";
import { madeUpPeers } from "@tabcast/mesh/attacks";
import type { Named } from "@tabcast/mesh/parts";
import { OFFERS_TOPIC } from "@tabcast/protocol";
import { openPeer, type Peer, type World } from "../world.ts";
import { type Attacker, every, type Hostile, pick } from "./attacker.ts";

/** Addresses at which a peer is reached, from whatever relays it holds slots at. */
function addressesOf({ relays }: World, peer: PeerId): string[] {
  if (relays === undefined) return [];
  return [...relays.all.values()]
    .filter(({ slots }) => slots.reservations.has(peer))
    .map(({ id }) => relays.configured.through(id, peer).toString());
}

/** One of the ring: it says that it listens to offers, and names its ring and peers that do not exist. */
async function openLiar(
  world: World,
  name: string,
  { ring, did }: { readonly ring: Named[]; readonly did: Hostile["did"] },
): Promise<Peer> {
  const { relays, rng, signal } = world;
  const random = rng(`eclipse/${name}`);
  const ids = relays === undefined ? [] : [...relays.all.keys()];
  const named = () => {
    did("answers with its ring and made-up peers");
    return [...ring.slice(0, 8), ...madeUpPeers(random, ids).slice(0, 8)];
  };
  const peer = await openPeer(world, name, random.bytes(32), { as: { named, degree: 0 } });
  ring.push({ peer: peer.self, relays: ids.slice(0, 2) });
  peer.mesh.subscribe(OFFERS_TOPIC, () => {}, { signal });
  return peer;
}

export const eclipse: Attacker = {
  what: "names its own kind and peers that do not exist to whoever asks for peers, and dials every tab within seconds of its coming",
  aims: "whom a fresh tab meets, and its dials",
  bound: "every tab has four honest neighbours after half a minute",
  async start(world, { names, did }) {
    const { net, relays, signal } = world;
    const ring: Named[] = [];
    for (const name of names) {
      const { node } = await openLiar(world, name, { ring, did });
      const random = world.rng(`dials/${name}`);
      every(world, { ms: 250, random }, async () => {
        const victims = net
          .peers()
          .filter((peer) => !relays?.hostile.has(peer) && !relays?.all.has(peer));
        const victim = pick(victims, random);
        if (victim === undefined) return;
        did("dials of tabs");
        await net.connect(node, victim, { addrs: addressesOf(world, victim), signal });
      });
    }
  },
};
