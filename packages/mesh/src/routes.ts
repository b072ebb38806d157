/** Through which relays a peer may be dialled. What strangers say of addresses is read here, and never dialled as it is. */
import type { Multiaddr } from "@multiformats/multiaddr";
import { CODE_P2P, multiaddr } from "@multiformats/multiaddr";
import { MeshError } from "./error.ts";
import { isPrivate } from "./hosts.ts";
import type { PeerId } from "./mesh.ts";

/** Addresses of one peer that are looked at; those beyond are not read. Source: SPEC.md, `addrs`. */
export const MAX_ADDRS = 8;
/** Characters of one address; a longer one is not read. Source: SPEC.md, `addrs`. */
const MAX_LENGTH = 512;

/** The relays that a tab was given: the only ones at which it reserves, and the only hosts that it dials. */
export interface Relays {
  /** Each relay once, in the order of the configuration. */
  readonly ids: readonly PeerId[];
  has(relay: PeerId): boolean;
  /** The configured addresses of a relay, each ending in its id. */
  addresses(relay: PeerId): readonly Multiaddr[];
  /** Under which a peer that holds a slot at the relay is reached by WebRTC. */
  through(relay: PeerId, peer: PeerId): Multiaddr;
  /** Whether an address may be dialled: a configured one, or a peer's through a configured one. */
  allows(address: string): boolean;
}

/** The peer id at the end of a multiaddr, "" if it has none. */
export function idOf(address: Multiaddr): string {
  return address.getComponents().findLast((part) => part.code === CODE_P2P)?.value ?? "";
}

/** Reads a relay's address. Throws MESH_BAD_ADDRESS. */
function parse(address: string): Multiaddr {
  let parsed: Multiaddr;
  try {
    parsed = multiaddr(address);
  } catch (cause) {
    throw new MeshError(
      { code: "MESH_BAD_ADDRESS", address: address.slice(0, 200) },
      `not a multiaddr: ${address.slice(0, 200)}`,
      { cause },
    );
  }
  if (parsed.getComponents().at(-1)?.code !== CODE_P2P)
    throw new MeshError(
      { code: "MESH_BAD_ADDRESS", address },
      `a relay address must end in /p2p/<relay id>: ${address}`,
    );
  return parsed;
}

/** Loopback, a private network, or a WebSocket without TLS. */
function isLocal(address: Multiaddr): boolean {
  const parts = address.getComponents();
  const names = parts.map(({ name }) => name);
  const host = parts[0]?.value;
  return (
    (host !== undefined && isPrivate(host)) || (names.includes("ws") && !names.includes("tls"))
  );
}

/** Reads the configuration. Unless `local`, local addresses in it are not dialled. Throws MESH_BAD_ADDRESS. */
export function configuredRelays(
  addresses: readonly string[],
  { local }: { readonly local: boolean },
): Relays {
  const all = new Map<PeerId, Multiaddr[]>();
  for (const address of addresses.map(parse)) {
    const of = all.get(idOf(address)) ?? [];
    all.set(idOf(address), of);
    of.push(address);
  }
  const dialled = [...all.values()]
    .flat()
    .filter((address) => local || !isLocal(address))
    .map(String);
  return {
    ids: [...all.keys()],
    has: (relay) => all.has(relay),
    addresses: (relay) => all.get(relay) ?? [],
    through(relay, peer) {
      const [first] = all.get(relay) ?? [];
      if (first === undefined) throw new RangeError(`${relay} is no relay of the configuration`);
      return first.encapsulate(`/p2p-circuit/webrtc/p2p/${peer}`);
    },
    allows: (address) =>
      dialled.some(
        (relay) =>
          address === relay ||
          (address.startsWith(relay) &&
            /^\/p2p-circuit(\/webrtc)?\/p2p\/[^/]+$/.test(address.slice(relay.length))),
      ),
  };
}

/**
 * The configured relays at which a peer says that it holds a slot: the relay ids in at most MAX_ADDRS addresses of the form
 * `…/p2p/<relay>/p2p-circuit/webrtc/p2p/<peer>`, each once. Whatever else there is, in an address or instead of one, is skipped.
 */
export function relaysNamed(
  peer: PeerId,
  given: readonly string[],
  relays: Pick<Relays, "has">,
): PeerId[] {
  const named = new Set<PeerId>();
  for (const address of given.slice(0, MAX_ADDRS)) {
    if (typeof address !== "string" || address.length > MAX_LENGTH) continue;
    const [, relay, target] =
      /\/p2p\/([^/]+)\/p2p-circuit(?:\/webrtc)?\/p2p\/([^/]+)$/.exec(address) ?? [];
    if (relay !== undefined && target === peer && relays.has(relay)) named.add(relay);
  }
  return [...named];
}
