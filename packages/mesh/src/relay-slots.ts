/** Who holds a slot at a relay. */
import type { PeerId as Libp2pPeerId } from "@libp2p/interface";
import type { Multiaddr } from "@multiformats/multiaddr";
import { crowdOf } from "./hosts.ts";
import type { PeerId } from "./mesh.ts";

/** Milliseconds a slot lasts; clients renew it five minutes before the end. */
export const SLOT_TTL = 15 * 60_000;
/** Milliseconds a way through the relay may last: long enough for two tabs to introduce themselves. */
const WAY_DURATION = 60_000;
/** Bytes that may go each way through it: signalling only, media never. */
const WAY_DATA = 256n * 1024n;

/** One slot, as the circuit relay server looks at it. */
export interface Slot {
  readonly addr: Multiaddr;
  readonly expiry: Date;
  readonly limit: { readonly data: bigint; readonly duration: number };
  /** Fires when the slot ends, with which end the ways through it. */
  readonly signal: AbortSignal;
}

export interface RelaySlotsOptions {
  /** Slots in all. */
  readonly max: number;
  /** Slots of one IPv4 address or IPv6 /64, unless it is a private one. */
  readonly maxPerNetwork: number;
  /** Milliseconds since 1970. */
  now(): number;
}

/** The book that the circuit relay server keeps, in place of its own. */
export interface RelaySlots {
  readonly reservations: Pick<ReadonlyMap<PeerId, Slot>, "size" | "keys" | "has">;
  /** Gives a slot, or renews it. `status` is the protocol's. */
  reserve(
    peer: Libp2pPeerId,
    addr: Multiaddr,
  ): {
    status: "OK" | "RESERVATION_REFUSED";
    expire?: number;
  };
  /** The slot of a peer, undefined if it has none or its time is over. */
  get(peer: Libp2pPeerId): Slot | undefined;
  /** The peer is gone, or did not hear that it has a slot. */
  removeReservation(peer: Libp2pPeerId): void;
  /** Ends the slots whose time is over. */
  sweep(): void;
  clear(): void;
}

/** No slots yet. */
export function relaySlots({ max, maxPerNetwork, now }: RelaySlotsOptions): RelaySlots {
  const all = new Map<PeerId, Slot & { readonly end: AbortController }>();
  const perNetwork = new Map<string, number>();
  const count = (addr: Multiaddr, change: number) => {
    const network = crowdOf(addr);
    if (network === undefined) return;
    const left = (perNetwork.get(network) ?? 0) + change;
    if (left > 0) perNetwork.set(network, left);
    else perNetwork.delete(network);
  };
  const remove = (peer: PeerId, end = true) => {
    const slot = all.get(peer);
    if (slot === undefined) return;
    all.delete(peer);
    count(slot.addr, -1);
    if (end) slot.end.abort(new Error("the slot has ended"));
  };
  return {
    reservations: all,
    reserve(id, addr) {
      const peer = id.toString();
      const before = all.get(peer);
      const network = crowdOf(addr);
      const mine = before !== undefined && crowdOf(before.addr) === network ? 1 : 0;
      if (before === undefined && all.size >= max) return { status: "RESERVATION_REFUSED" };
      if (network !== undefined && (perNetwork.get(network) ?? 0) - mine >= maxPerNetwork)
        return { status: "RESERVATION_REFUSED" };
      // The ways that a renewed slot has go on.
      const end = before?.end ?? new AbortController();
      remove(peer, false);
      const expiry = new Date(now() + SLOT_TTL);
      const limit = { data: WAY_DATA, duration: WAY_DURATION };
      all.set(peer, { addr, expiry, limit, end, signal: end.signal });
      count(addr, 1);
      return { status: "OK", expire: Math.round(expiry.getTime() / 1_000) };
    },
    get(id) {
      const slot = all.get(id.toString());
      return slot !== undefined && slot.expiry.getTime() > now() ? slot : undefined;
    },
    removeReservation: (id) => remove(id.toString()),
    sweep() {
      for (const [peer, { expiry }] of all) if (expiry.getTime() <= now()) remove(peer);
    },
    clear() {
      for (const peer of all.keys()) remove(peer);
    },
  };
}
