import type { Connection, Libp2p, PeerStore } from "@libp2p/interface";
import type { Multiaddr } from "@multiformats/multiaddr";
import type { Clock, Random } from "@tabcast/runtime";
import type { PeerId } from "./mesh.ts";
import { idOf } from "./routes.ts";

/** What the loops need of a libp2p node. */
export type Node = Pick<
  Libp2p,
  "peerId" | "dial" | "getConnections" | "addEventListener" | "removeEventListener"
> & { readonly peerStore: PeerStore };

export interface SuperviseOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Ends the loop. */
  readonly signal: AbortSignal;
}

/** Open connections that gossip and requests may use: not those through a relay. */
export function direct(node: Pick<Node, "getConnections">): Connection[] {
  return node
    .getConnections()
    .filter((connection) => connection.status === "open" && connection.limits == null);
}

/** The peers at the other ends, each once. */
export const peersOf = (connections: readonly Connection[]): PeerId[] => [
  ...new Set(connections.map(({ remotePeer }) => remotePeer.toString())),
];

/** Runs `step`, sleeps for as long as it says, or until a connection closes if `hasty`, and so on until the signal fires. */
async function loop(
  node: Node,
  { clock, signal }: SuperviseOptions,
  step: () => Promise<number>,
  hasty = true,
): Promise<void> {
  let cut = new AbortController();
  const wake = () => cut.abort();
  if (hasty) node.addEventListener("connection:close", wake);
  try {
    while (!signal.aborted) {
      const ms = await step().catch(() => 5_000);
      cut = new AbortController();
      // Let a close settle before anything is dialled again.
      await clock.sleep(Math.min(ms, 250), { signal }).catch(() => {});
      await clock
        .sleep(Math.max(0, ms - 250), { signal: AbortSignal.any([signal, cut.signal]) })
        .catch(() => {});
    }
  } finally {
    node.removeEventListener("connection:close", wake);
  }
}

/** Keeps a relay connected to the others of its network: all of them, dialled in random order, and again when one is lost. */
export function superviseRelays(
  node: Node,
  relays: readonly Multiaddr[],
  options: SuperviseOptions,
): Promise<void> {
  const { random, signal } = options;
  const order = shuffled(relays, random);
  let backoff = 500;
  return loop(node, options, async () => {
    const live = new Set(direct(node).map((connection) => connection.remotePeer.toString()));
    const failed: Multiaddr[] = [];
    for (const relay of order.filter((relay) => !live.has(idOf(relay))))
      await node.dial(relay, { signal }).catch(() => failed.push(relay));
    backoff = failed.length > 0 ? Math.min(backoff * 2, 30_000) : 500;
    return failed.length > 0 ? backoff * (0.5 + random.fraction()) : 5_000;
  });
}

/** In random order. */
export function shuffled<T>(all: readonly T[], random: Random): T[] {
  const order = [...all];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j] as T, order[i] as T];
  }
  return order;
}

/**
 * A gossip stream that was lost stays lost while its connection lives. This ends such a connection, so that it is dialled
 * again: one whose peer speaks gossip, was missing from `gossips` both times that we ask, 10 s apart, and is not `busy`.
 */
export function superviseGossip(
  node: Node,
  { gossips, busy }: { gossips(): ReadonlySet<string>; busy(connection: Connection): boolean },
  options: SuperviseOptions,
): Promise<void> {
  let missed = new Set<string>();
  return loop(
    node,
    options,
    async () => {
      const heard = gossips();
      const missing = new Set<string>();
      for (const connection of direct(node)) {
        if (heard.has(connection.remotePeer.toString())) continue;
        const { protocols } = await node.peerStore.get(connection.remotePeer);
        if (!protocols.some((protocol) => protocol.startsWith("/meshsub/"))) continue;
        if (!missed.has(connection.id)) missing.add(connection.id);
        else if (!busy(connection)) connection.abort(new Error("its gossip stream was lost"));
      }
      missed = missing;
      return 10_000;
    },
    false,
  );
}
