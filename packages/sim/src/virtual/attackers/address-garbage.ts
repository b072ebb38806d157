import type { Mesh } from "@tabcast/mesh";
import type { World } from "../world.ts";
import type { Attacker, Hostile } from "./attacker.ts";
import { putToWork } from "./worker-part.ts";

/** Reached under nothing that it says: other hosts, other peers, relays that it holds no slot at, and no addresses. */
function misleading({ relays }: World, mesh: Mesh, did: Hostile["did"]): Mesh {
  const ids = relays === undefined ? [] : [...relays.all.keys()];
  return {
    ...mesh,
    addrs() {
      did("lists of misleading addresses");
      const own = mesh.addrs();
      const elsewhere = ids.filter((id) => !own.some((address) => address.includes(id)));
      return [
        `/dns4/victim.example.org/tcp/443/tls/ws/p2p/${mesh.self}`,
        `/ip4/10.0.0.1/tcp/8443/ws/p2p/${ids[0]}/p2p-circuit/webrtc/p2p/${ids[0]}`,
        "/no/address/at/all",
        `/dns4/${"a".repeat(440)}.example.org/tcp/443/tls/ws`,
        ...elsewhere
          .slice(0, 4)
          .map(
            (id) => `/dns4/evil.example.org/tcp/443/p2p/${id}/p2p-circuit/webrtc/p2p/${mesh.self}`,
          ),
      ];
    },
  };
}

export const addressGarbage: Attacker = {
  what: "works for little, and is said to be reached under other hosts, other peers, relays that it holds no slot at, and what is no address",
  aims: "broadcasters that award and viewers that fetch, whose dials it wastes",
  bound: "nothing but relays of the configuration is dialled, and viewers go on to the next holder",
  start: (world, hostile) => putToWork(world, hostile, misleading),
};
