/** Identities without a tab behind them: new keys are free, and a hostile peer dials and asks under as many as it likes. */
import { peerIdOf } from "@tabcast/protocol";
import type { Node } from "../mesh.ts";
import type { World } from "../world.ts";
import { madeUp } from "./attacker.ts";

/** Nodes of one hostile peer, which hold no slot and hear no gossip; they share nothing, which is more than one line gives. */
export async function strangers(world: World, name: string, n: number): Promise<Node[]> {
  const { net, rng, scenario, relays } = world;
  const keys = await madeUp(rng(`strangers/${name}`), n);
  const [least, most] = scenario.net.rttMs;
  const { uplinkKbps, downlinkKbps } = scenario.net;
  return keys.map(({ publicKey }) => {
    const self = peerIdOf(publicKey);
    relays?.hostile.add(self);
    return net.join(self, { delayMs: (least + most) / 4, uplinkKbps, downlinkKbps });
  });
}
