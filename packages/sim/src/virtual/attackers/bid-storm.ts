import type { Mesh } from "@tabcast/mesh";
import { PROTOCOLS } from "@tabcast/protocol";
import type { World } from "../world.ts";
import type { Attacker, Hostile } from "./attacker.ts";
import { putToWork } from "./worker-part.ts";

/** Copies of each bid that are sent beside it. */
const COPIES = 20;

/** Sees nobody, and so bids at once; and sends every bid many times over. */
function storming({ signal }: World, mesh: Mesh, did: Hostile["did"]): Mesh {
  return {
    ...mesh,
    population: () => 0,
    request(peer, protocol, message, options) {
      if (protocol === PROTOCOLS.bid) {
        did("bids, 21 times each");
        for (let i = 0; i < COPIES; i++) void drain(mesh, [peer, protocol, message, { signal }]);
      }
      return mesh.request(peer, protocol, message, options);
    },
  };
}

async function drain(mesh: Mesh, request: Parameters<Mesh["request"]>): Promise<void> {
  try {
    for await (const _ of mesh.request(...request));
  } catch {
    // Most of them are refused.
  }
}

export const bidStorm: Attacker = {
  what: "bids at once on every offer, without a pause, and sends each bid 21 times",
  aims: "broadcasters that hire",
  bound: "a peer's bids have a rate, and one bid of it is kept",
  start: (world, hostile) => putToWork(world, hostile, storming),
};
