/**
 * The lanes that a purse looks after: this tab's own, one in each pot, and those that other tabs of the payee left behind with
 * something in them. Bounded: whoever offers a pot of one wei gets a lane, so what is worth nothing makes room.
 */
import { type Amount, SerialQueue } from "@tabcast/runtime";
import { FINALIZED } from "../final.ts";
import { least } from "../least.ts";
import type { HeldVoucher, Hex } from "../types.ts";
import { LaneLedger } from "./lane-ledger.ts";
import { laneGone, readLanes, type StoredLane } from "./lane-record.ts";
import type { PurseParts } from "./parts.ts";
import * as Payee from "./payee.ts";
import { heldBy, lockUnlessOpen } from "./take-lane.ts";

/** Own lanes that are kept; more only where each of them is worth claiming. Read in a request for each 125 of them. */
export const MOST_LANES = 256;
/** Lanes of other tabs that are looked after, those with most in them first. */
const MOST_ADOPTED = 64;

interface Sums {
  readonly accrued: Amount;
  readonly vouchered: Amount;
  readonly claimed: Amount;
  readonly outstanding: Amount;
}

export class Lanes {
  /** What must not interleave: whether a pot has a lane, and adding it. */
  readonly opening = new SerialQueue();
  readonly #parts: PurseParts;
  readonly #own = new Map<Hex, LaneLedger>();
  /** By the lane's number, with what releases it to other tabs. */
  readonly #adopted = new Map<number, { ledgers: readonly LaneLedger[]; release: () => void }>();
  /** What the own lanes that made room had in their books. */
  #past = { accrued: 0n, vouchered: 0n, claimed: 0n };

  constructor(parts: PurseParts, stored: readonly StoredLane[]) {
    this.#parts = parts;
    for (const one of stored)
      if (one.lane === parts.lane) {
        const book = Payee.reopened(one.book);
        this.#own.set(one.potId, new LaneLedger(parts, { ...one, book }));
      }
  }

  /** This tab's lane in a pot. */
  get(potId: Hex): LaneLedger | undefined {
    return this.#own.get(potId.toLowerCase() as Hex);
  }

  /** A lane of the payee in a pot: this tab's, or one that is looked after. */
  of(potId: Hex, lane: number): LaneLedger | undefined {
    if (lane === this.#parts.lane) return this.get(potId);
    const id = potId.toLowerCase();
    return this.#adopted.get(lane)?.ledgers.find((one) => one.potId.toLowerCase() === id);
  }

  /** Every lane, those first that a claim would bring most. */
  all(): readonly LaneLedger[] {
    const all = [...this.#own.values(), ...[...this.#adopted.values()].flatMap((a) => a.ledgers)];
    return all
      .map((one) => ({ one, worth: Payee.claimable(one.book) }))
      .sort((a, b) => Payee.mostFirst(a.worth, b.worth))
      .map(({ one }) => one);
  }

  /** Takes a new lane of this tab, and lets go of worthless ones where there are too many. */
  async add(ledger: LaneLedger): Promise<void> {
    this.#own.set(ledger.potId, ledger);
    const { store, payee, rules } = this.#parts;
    const cost = rules().claimCost ?? 0n;
    const over = this.#own.size - MOST_LANES;
    if (over <= 0) return;
    // Those that owe us work are the last to go, for their window would begin anew; before them those in use: work would be refused.
    const worthless = [...this.#own.values()]
      .filter((one) => one !== ledger && one.coming === 0)
      .filter((one) => Payee.outstanding(one.book) <= cost)
      .sort(
        (a, b) =>
          Number(isFinal(b)) - Number(isFinal(a)) ||
          Number(owes(a)) - Number(owes(b)) ||
          a.usedAt - b.usedAt,
      );
    for (const one of worthless.slice(0, over)) {
      this.#own.delete(one.potId);
      this.#past.accrued += one.book.accrued;
      this.#past.vouchered += Payee.held(one.book);
      this.#past.claimed += one.book.claimed;
      await one.queue.run(() => store.write([laneGone(payee, one)]));
    }
  }

  /** Takes over what other tabs of this payee left behind, unless they are open. Throws StoreError. */
  async adopt(): Promise<void> {
    const parts = this.#parts;
    const { store, payee, lane: own, signal } = parts;
    const left = (await readLanes(store, payee, own)).filter(
      ({ lane, book }) => lane !== own && !this.#adopted.has(lane) && Payee.outstanding(book) > 0n,
    );
    const most = [...heldBy(left)].sort(([, a], [, b]) => Payee.mostFirst(a, b));
    for (const [lane] of most.slice(0, MOST_ADOPTED - this.#adopted.size)) {
      const release = await lockUnlessOpen(store, payee, lane, { signal });
      if (release === undefined) continue;
      let ledgers: readonly LaneLedger[] = [];
      try {
        // Read again under its lock: its tab may have written until just now.
        ledgers = (await readLanes(store, payee, own))
          .filter((one) => one.lane === lane && Payee.outstanding(one.book) > 0n)
          .map((one) => new LaneLedger(parts, one));
      } finally {
        if (ledgers.length === 0) release();
      }
      if (ledgers.length > 0) this.#adopted.set(lane, { ledgers, release });
    }
  }

  /** The books that closed tabs of this payee have left in a pot with work unpaid. Throws StoreError. */
  async leftIn(potId: Hex): Promise<readonly Payee.Book[]> {
    const { store, payee, lane: own, signal } = this.#parts;
    const left: Payee.Book[] = [];
    for (const { lane, potId: where, book } of await readLanes(store, payee)) {
      if (lane === own || where !== potId || book.unpaid === 0n) continue;
      // An open tab is another worker, with a window of its own.
      if (!this.#adopted.has(lane)) {
        const release = await lockUnlessOpen(store, payee, lane, { signal });
        if (release === undefined) continue;
        release();
      }
      left.push(book);
    }
    return left;
  }

  /** Lets go of other tabs' lanes that have nothing left. */
  letGo(): void {
    for (const [lane, { ledgers, release }] of this.#adopted) {
      const isDue = ({ book, claiming, coming }: LaneLedger) =>
        claiming > 0 || coming > 0 || Payee.outstanding(book) > 0n;
      if (ledgers.some(isDue)) continue;
      this.#adopted.delete(lane);
      for (const { book } of ledgers) {
        this.#past.accrued += book.accrued;
        this.#past.vouchered += Payee.held(book);
        this.#past.claimed += book.claimed;
      }
      release();
    }
  }

  sums(): Sums {
    let { accrued, vouchered, claimed } = this.#past;
    let outstanding = 0n;
    for (const { book } of this.all()) {
      outstanding += Payee.outstanding(book);
      accrued += book.accrued;
      vouchered += Payee.held(book);
      claimed += book.claimed;
    }
    return {
      accrued: accrued as Amount,
      vouchered: vouchered as Amount,
      claimed: claimed as Amount,
      outstanding: outstanding as Amount,
    };
  }

  /** The vouchers of which something is outstanding, most first. */
  held(): readonly HeldVoucher[] {
    const { domain } = this.#parts;
    return this.all()
      .flatMap(({ highest, config, book }): HeldVoucher[] => {
        const outstanding = Payee.outstanding(book);
        return highest === undefined || outstanding === 0n
          ? []
          : [{ voucher: highest, domain, config, outstanding }];
      })
      .sort((a, b) => Payee.mostFirst(a.outstanding, b.outstanding));
  }

  /** What of it live guarantees cover. */
  guaranteed(): Amount {
    let sum = 0n;
    for (const { book, chainNow } of this.all())
      sum += least(Payee.outstanding(book), Payee.guaranteed(book, chainNow));
    return sum as Amount;
  }

  /** Resolves when nothing is being written any more; then other tabs may have them. */
  async close(): Promise<void> {
    const all = this.all();
    await Promise.all(
      all.flatMap(({ queue, vouchers, claims }) => [vouchers.idle(), claims.idle(), queue.idle()]),
    );
    for (const { release } of this.#adopted.values()) release();
    this.#adopted.clear();
  }
}

/** Work went out for which no credit came. */
const owes = ({ book }: LaneLedger) => book.unpaid > 0n;
const isFinal = ({ book }: LaneLedger) => book.closeAt === FINALIZED;
