/**
 * Gives this worker's highest vouchers to peers that keep them, and keeps those of others: a tab that is closed or crashes loses
 * no money where a broadcaster closes its pot without paying. Knows no chain; what a voucher is worth is the watchtower's to check.
 *
 * Two peers at least keep each of which something is outstanding, those that are worth most first: also what the books hold from
 * before a reload, and what closed tabs of the payee left. A peer that leaves is replaced, whether the voucher rose or not.
 */
import { type HeldVoucher, type Hex, type Purse, type Watchtower, Wire } from "@tabcast/channel";
import { MeshError, type PeerId } from "@tabcast/mesh";
import { Delegate, DelegateReply, PROTOCOLS } from "@tabcast/protocol";
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
/** Milliseconds after which a peer that kept nothing, or could not answer, is asked again: it may have had no room, or been busy. */
const AGAIN_MS = 600_000;
/** Peers of whom it is remembered whether they keep vouchers. */
const MOST_REMEMBERED = 256;
/** Times running that a voucher is given away because it rose while it was. */
const MOST_ROUNDS = 3;
/** Vouchers that are to have keepers, those worth most. */
const MOST_VOUCHERS = 128;
/** Vouchers given away each time; after a reload the others come 30 seconds later. */
const MOST_GIVEN = 32;

export interface Delegation {
  /** `payer` is who pays from a pot: it is not asked to keep vouchers of it. */
  hired(potId: Hex, payer: PeerId): void;
  /**
   * Gives away now what has too few keepers, and what rises meanwhile; resolves when all is answered or `limit` fires, and never
   * rejects.
   */
  now(limit?: AbortSignal): Promise<void>;
  /**
   * As `now`, and asks those too that refused lately: a tab that closes has no later in which gas is cheap again, or a peer's
   * server answers.
   */
  last(limit?: AbortSignal): Promise<void>;
}

export interface DelegationOptions {
  readonly purse: Pick<Purse, "held">;
  /**
   * Told how many peers keep the highest voucher of a pot, when that changes: where there are several, that with fewest. Undefined
   * once nothing of it is outstanding.
   */
  readonly kept?: (potId: Hex, keepers: number | undefined) => void;
}

/** A voucher that is to be kept by others, and what they said of it. */
interface Entry {
  /** As the books had it last. */
  held: HeldVoucher;
  /** What each peer said that it keeps. */
  readonly keepers: Map<PeerId, Amount>;
  /** What each peer would not keep, and when: it is asked again for twice as much, ten minutes later, or by `last`. */
  readonly refused: Map<PeerId, { readonly amount: Amount; readonly at: number }>;
}

/** Who may keep vouchers for us, by what they answered before. */
function openPeers(
  { mesh, clock }: Pick<Context, "mesh" | "clock">,
  payerOf: (potId: Hex) => PeerId | undefined,
) {
  /** Who kept something before. */
  const keeps = new BoundedMap<PeerId, true>(MOST_REMEMBERED);
  /** When somebody gave no answer to such a question who kept nothing before: most peers keep nothing for others. */
  const mute = new BoundedMap<PeerId, number>(MOST_REMEMBERED);
  const isLater = (at = Number.NEGATIVE_INFINITY) => clock.now() - at >= AGAIN_MS;

  /** Asks one peer to keep a voucher; what it says is remembered. */
  async function entrust(peer: PeerId, entry: Entry, until: AbortSignal): Promise<void> {
    const { voucher, domain, config } = entry.held;
    const head = Delegate.encode({
      pot: Wire.fromPot(domain, config),
      payee: fromHex(voucher.payee),
      voucher: Wire.fromVoucher(voucher),
    });
    const limits = AbortSignal.any([until, clock.timeout(ANSWER_MS)]);
    try {
      const reply = await ask(mesh, peer, PROTOCOLS.delegate, head, { signal: limits });
      if (!DelegateReply.decode(reply.head).ok)
        entry.refused.set(peer, { amount: voucher.cumulative, at: clock.now() });
      else {
        keeps.set(peer, true);
        entry.keepers.set(peer, voucher.cumulative);
      }
    } catch (error) {
      const refused = error instanceof MeshError && error.code === "MESH_REFUSED";
      if (refused && !keeps.has(peer)) mute.set(peer, clock.now());
    }
  }

  /** Who is asked next to keep an entry's voucher, best first: those that keep a lower one, then those that kept others. */
  function candidates({ held: { voucher }, keepers, refused }: Entry, asks: Asks): PeerId[] {
    const { potId, lane, cumulative: amount } = voucher;
    const rank = (peer: PeerId) => Number(keepers.has(peer)) * 2 + Number(keeps.has(peer));
    const mayKeep = (peer: PeerId) => {
      const no = refused.get(peer);
      return no === undefined || amount >= 2n * no.amount || isLater(no.at);
    };
    return mesh
      .neighbours()
      .map(({ peer }) => peer)
      .filter((peer) => peer !== payerOf(potId) && isLater(mute.get(peer)))
      .filter((peer) => keepers.get(peer) !== amount && (asks.get(peer) ?? 0) < MOST_OF_PEER)
      .filter(mayKeep)
      .filter((peer) => !asks.tried(potId, lane, peer))
      .toSorted((a, b) => rank(b) - rank(a));
  }

  return { entrust, candidates };
}

export function openDelegation(
  { mesh, clock, signal }: Pick<Context, "mesh" | "clock" | "signal">,
  { purse, kept = () => {} }: DelegationOptions,
): Delegation {
  /** By pot and lane. */
  let entries = new Map<string, Entry>();
  const payers = new BoundedMap<Hex, PeerId>(MOST_VOUCHERS);
  /** Keepers that were told last, by pot. */
  const told = new Map<Hex, number>();
  const peers = openPeers({ mesh, clock }, (potId) => payers.get(potId));

  /** Takes what the books hold now, those worth most first; says which pots have nothing outstanding any more. */
  function look(): void {
    const near = new Set(mesh.neighbours().map(({ peer }) => peer));
    const next = new Map<string, Entry>();
    for (const held of purse.held().slice(0, MOST_VOUCHERS)) {
      const { potId, lane } = held.voucher;
      const key = `${potId}/${lane}`;
      const entry = entries.get(key) ?? { held, keepers: new Map(), refused: new Map() };
      entry.held = held;
      // After a reload a payer may have been asked before we knew that it is one.
      for (const peer of entry.keepers.keys())
        if (!near.has(peer) || peer === payers.get(potId)) entry.keepers.delete(peer);
      next.set(key, entry);
    }
    entries = next;
    const pots = new Set([...entries.values()].map(({ held }) => held.voucher.potId));
    for (const potId of told.keys())
      if (!pots.has(potId)) {
        told.delete(potId);
        kept(potId, undefined);
      }
  }

  function tell(potId: Hex): void {
    const same = [...entries.values()].filter(({ held }) => held.voucher.potId === potId);
    if (same.length === 0) return;
    const count = Math.min(...same.map(keepersOf));
    if (told.get(potId) === count) return;
    told.set(potId, count);
    kept(potId, count);
  }

  /** Finds a voucher its keepers. */
  async function give(entry: Entry, asks: Asks, until: AbortSignal): Promise<void> {
    const { potId, lane } = entry.held.voucher;
    let asked = 0;
    while (keepersOf(entry) < KEEPERS && asked < MOST_ASKED && !until.aborted) {
      const most = Math.min(KEEPERS - keepersOf(entry), MOST_ASKED - asked);
      const next = peers.candidates(entry, asks).slice(0, most);
      if (next.length === 0) break;
      asked += next.length;
      for (const peer of next) asks.add(potId, lane, peer);
      await Promise.all(next.map((peer) => peers.entrust(peer, entry, until)));
    }
    tell(potId);
  }

  const now = async (limit: AbortSignal = signal) => {
    const until = AbortSignal.any([signal, limit]);
    for (let round = 0; round < MOST_ROUNDS && !until.aborted; round++) {
      look();
      const asks = new Asks();
      // Where a peer is asked for no more, it has what is worth most.
      // First those that nobody keeps: who answers nothing would be asked for the same 32 again and again.
      const lacking = [...entries.values()]
        .filter((entry) => keepersOf(entry) < KEEPERS)
        .sort((a, b) => keepersOf(a) - keepersOf(b));
      const open = lacking.filter((entry) => peers.candidates(entry, asks).length > 0);
      const given = open.slice(0, MOST_GIVEN);
      for (const entry of lacking) if (!given.includes(entry)) tell(entry.held.voucher.potId);
      const before = given.map(({ held }) => held.voucher.cumulative);
      await Promise.all(given.map((entry) => give(entry, asks, until)));
      look();
      if (given.every(({ held }, i) => held.voucher.cumulative === before[i])) return;
    }
  };
  const last = async (limit?: AbortSignal) => {
    look();
    for (const { refused } of entries.values()) refused.clear();
    await now(limit);
  };
  const watch = async () => {
    for (;;) {
      await clock.sleep(EVERY_MS, { signal });
      await now();
    }
  };
  watch().catch(() => {}); // ends by the signal

  return { hired: (potId, payer) => void payers.set(potId, payer), now, last };
}

/** Peers that keep a voucher as high as it is now. */
function keepersOf({ held, keepers }: Entry): number {
  const { cumulative } = held.voucher;
  return [...keepers.values()].filter((amount) => amount === cumulative).length;
}

/** Questions of one round, by peer, and which peers were asked for which lane of which pot. */
class Asks extends Map<PeerId, number> {
  readonly #tried = new Set<string>();

  tried(potId: Hex, lane: number, peer: PeerId): boolean {
    return this.#tried.has(`${potId}/${lane} ${peer}`);
  }

  add(potId: Hex, lane: number, peer: PeerId): void {
    this.#tried.add(`${potId}/${lane} ${peer}`);
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
