/**
 * Gives this worker's highest vouchers to peers that keep them, and keeps those of others: a tab that is closed or crashes loses
 * no money where a broadcaster closes its pot without paying. Knows no chain; what a voucher is worth is the watchtower's to check.
 *
 * Two peers at least keep each: one that leaves is replaced, whether the voucher rose or not.
 */
import { type Hex, type Purse, type SignedVoucher, type Watchtower, Wire } from "@tabcast/channel";
import { MeshError, type PeerId } from "@tabcast/mesh";
import { Delegate, DelegateReply, type Pot, PROTOCOLS } from "@tabcast/protocol";
import { type Amount, BoundedMap, describe, fromHex } from "@tabcast/runtime";
import type { Context } from "../context.ts";
import { answer, ask } from "../exchange.ts";
import type { RateLimiter } from "../rate-limiter.ts";

/** A voucher is given away, and its keepers are counted, at most this often, in milliseconds. */
const EVERY_MS = 30_000;
/** How long a peer may take to answer, in milliseconds. */
const ANSWER_MS = 5_000;
/** Peers that are to keep a voucher: any one of them may be closed as well. */
export const KEEPERS = 2;
/** Peers asked for one voucher, at most, each time. */
const MOST_ASKED = 4;
/** Vouchers that one peer is asked to keep each time: more would be a flood to it. */
const MOST_OF_PEER = 8;
/** Peers of whom it is remembered whether they keep vouchers. */
const MOST_REMEMBERED = 256;
/** Times running that a voucher is given away because it rose while it was. */
const MOST_ROUNDS = 3;
/** Pots whose vouchers are given away; the oldest makes room. */
const MOST_POTS = 32;

export interface Delegation {
  /** The voucher of a pot rose. `payer` is not asked to keep it. */
  rose(potId: Hex, pot: Pot, payer: PeerId): void;
  /**
   * Gives away now what has too few keepers, and what rises meanwhile; resolves when all is answered or `limit` fires, and never
   * rejects.
   */
  now(limit?: AbortSignal): Promise<void>;
}

export interface DelegationOptions {
  readonly purse: Purse;
  /** Told how many peers keep the highest voucher of a pot, when that changes; undefined once nothing of it is outstanding. */
  readonly kept?: (potId: Hex, keepers: number | undefined) => void;
}

/** A pot whose voucher is to be kept by others. */
interface Entry {
  readonly potId: Hex;
  readonly pot: Pot;
  readonly payer: PeerId;
  /** What each peer said that it keeps, wei. */
  readonly keepers: Map<PeerId, Amount>;
  /** What each peer would not keep, wei: it is asked again for twice as much. */
  readonly refused: Map<PeerId, Amount>;
  /** Keepers that were told last. */
  told: number | undefined;
}

export function openDelegation(
  { mesh, clock, signal }: Pick<Context, "mesh" | "clock" | "signal">,
  { purse, kept = () => {} }: DelegationOptions,
): Delegation {
  const entries = new BoundedMap<Hex, Entry>(MOST_POTS);
  /** Who kept something before (true), and who answers no such question (false). */
  const keeps = new BoundedMap<PeerId, boolean>(MOST_REMEMBERED);

  /** Asks one peer to keep a voucher; what it says is remembered. */
  async function entrust(
    peer: PeerId,
    { pot, keepers, refused }: Entry,
    highest: SignedVoucher,
    until: AbortSignal,
  ): Promise<void> {
    const voucher = Wire.fromVoucher(highest);
    const head = Delegate.encode({ pot, payee: fromHex(purse.payee), voucher });
    const limits = AbortSignal.any([until, clock.timeout(ANSWER_MS)]);
    try {
      const reply = await ask(mesh, peer, PROTOCOLS.delegate, head, { signal: limits });
      if (!DelegateReply.decode(reply.head).ok) refused.set(peer, highest.cumulative);
      else {
        keeps.set(peer, true);
        keepers.set(peer, highest.cumulative);
      }
    } catch (error) {
      if (error instanceof MeshError && error.code === "MESH_REFUSED") keeps.set(peer, false);
    }
  }

  /** Who is asked next to keep an entry's voucher, best first: those that keep a lower one, then those that kept others. */
  function candidates({ payer, keepers, refused }: Entry, amount: Amount, asks: Asks): PeerId[] {
    const rank = (peer: PeerId) => Number(keepers.has(peer)) * 2 + Number(keeps.get(peer) ?? false);
    return mesh
      .neighbours()
      .map(({ peer }) => peer)
      .filter((peer) => peer !== payer && keeps.get(peer) !== false)
      .filter((peer) => keepers.get(peer) !== amount && (asks.get(peer) ?? 0) < MOST_OF_PEER)
      .filter((peer) => amount >= 2n * (refused.get(peer) ?? 0n))
      .toSorted((a, b) => rank(b) - rank(a));
  }

  /** Finds a voucher its keepers. Resolves with true if it rose meanwhile. */
  async function give(entry: Entry, asks: Asks, until: AbortSignal): Promise<boolean> {
    const { potId, keepers } = entry;
    const highest = purse.highest(potId);
    if (highest === undefined || purse.outstanding(potId) === 0n) {
      entries.delete(potId);
      if (entry.told !== undefined) kept(potId, undefined);
      return false;
    }
    const { cumulative } = highest;
    const near = new Set(mesh.neighbours().map(({ peer }) => peer));
    for (const peer of keepers.keys()) if (!near.has(peer)) keepers.delete(peer);
    const count = () => [...keepers.values()].filter((amount) => amount === cumulative).length;
    let asked = 0;
    while (count() < KEEPERS && asked < MOST_ASKED && !until.aborted) {
      const some = candidates(entry, cumulative, asks).filter((peer) => !asks.tried(potId, peer));
      const next = some.slice(0, Math.min(KEEPERS - count(), MOST_ASKED - asked));
      if (next.length === 0) break;
      asked += next.length;
      for (const peer of next) asks.add(potId, peer);
      await Promise.all(next.map((peer) => entrust(peer, entry, highest, until)));
    }
    if (entry.told !== count()) kept(potId, count());
    entry.told = count();
    return !until.aborted && purse.highest(potId)?.cumulative !== cumulative;
  }

  const now = async (limit: AbortSignal = signal) => {
    const until = AbortSignal.any([signal, limit]);
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const asks = new Asks();
      const worth = ({ potId }: Entry) => purse.outstanding(potId);
      // Where a peer is asked for no more, it has what is worth most.
      const all = [...entries.values()].toSorted((a, b) => (worth(a) < worth(b) ? 1 : -1));
      const again = await Promise.all(all.map((entry) => give(entry, asks, until)));
      if (!again.includes(true)) return;
    }
  };
  const watch = async () => {
    for (;;) {
      await clock.sleep(EVERY_MS, { signal });
      await now();
    }
  };
  watch().catch(() => {}); // ends by the signal

  return {
    rose(potId, pot, payer) {
      const known = entries.get(potId);
      const { keepers = new Map(), refused = new Map(), told } = known ?? {};
      entries.set(potId, { potId, pot, payer, keepers, refused, told });
    },
    now,
  };
}

/** Questions of one round, by peer, and which peers were asked for which pot. */
class Asks extends Map<PeerId, number> {
  readonly #tried = new Set<string>();

  tried(potId: Hex, peer: PeerId): boolean {
    return this.#tried.has(`${potId} ${peer}`);
  }

  add(potId: Hex, peer: PeerId): void {
    this.#tried.add(`${potId} ${peer}`);
    this.set(peer, (this.get(peer) ?? 0) + 1);
  }
}

/** Keeps what others delegate, until `signal` fires. */
export function serveWatchtower(
  { mesh, clock, signal }: Pick<Context, "mesh" | "clock" | "signal">,
  { watchtower, limiter }: { readonly watchtower: Watchtower; readonly limiter: RateLimiter },
): void {
  answer(mesh, PROTOCOLS.delegate, signal, async (head, peer) => {
    limiter.pass("delegate", peer);
    try {
      const { pot, payee, voucher } = Delegate.decode(head);
      const { domain, config } = Wire.toPot(pot);
      const signed = Wire.toVoucher(voucher, Wire.toAddress(payee));
      const limits = AbortSignal.any([signal, clock.timeout(ANSWER_MS)]);
      await watchtower.accept(domain, config, signed, { signal: limits });
      return DelegateReply.encode({ ok: true, why: "" });
    } catch (error) {
      limiter.refused("delegate", peer, error);
      return DelegateReply.encode({ ok: false, why: describe(error).slice(0, 200) });
    }
  });
}
