import { type Amount, SerialQueue } from "@tabcast/runtime";
import type { PotSnapshot, Waits } from "../chain/chain.ts";
import type { Hex, PotConfig, SignedVoucher } from "../types.ts";
import type { VoucherError } from "../voucher.ts";
import { laneChange, type StoredLane } from "./lane-record.ts";
import type { PurseParts } from "./parts.ts";
import * as Payee from "./payee.ts";
import { refusal } from "./refusal.ts";

/** Refreshes from the chain that vouchers of one pot may cause at once. */
const REFRESH_BURST = 4;

/** A pot and one of our lanes in it, asked of the chain now, at one block. */
export async function readChain(
  { chain, payee }: Pick<PurseParts, "chain" | "payee">,
  { potId, lane }: Pick<StoredLane, "potId" | "lane">,
  waits: Waits,
): Promise<Payee.ChainView & { readonly exists: boolean }> {
  const { pots, now } = await chain.snapshot([{ potId, lanes: [{ payee, lane }] }], waits);
  return viewOf(pots[0], now);
}

/** What a look at a pot, and at one lane of it, tells the lane's book. */
export function viewOf(
  pot: PotSnapshot | undefined,
  now: number,
): Payee.ChainView & { readonly exists: boolean } {
  const none = 0n as Amount;
  const { balance, reserved, closeAt, exists } = pot ?? {
    balance: none,
    reserved: none,
    closeAt: 0,
    exists: false,
  };
  const { claimed, ceiling, until } = pot?.lanes[0] ?? { claimed: none, ceiling: none, until: 0 };
  return { balance, reserved, closeAt, exists, claimed, ceiling, until, now };
}

/** The books of one of our lanes in one pot: carries out what `payee.ts` decides. */
export class LaneLedger {
  readonly lane: number;
  readonly potId: Hex;
  readonly config: PotConfig;
  /** What must not interleave: every event of the lane. Never waits for a wallet, nor for the chain. */
  readonly queue = new SerialQueue();
  /** Vouchers of the lane, in the order in which they came: each may wait for a look at the chain before it is an event. */
  readonly vouchers = new SerialQueue();
  /** Claims of the lane, one at a time: they may wait for a person, or for a block. */
  readonly claims = new SerialQueue();
  /** Vouchers that are checked or wait their turn: while there are any, its lane is nobody else's. */
  coming = 0;
  /** Claims that are under way or wait their turn: while there are any, none begins of its own accord. */
  claiming = 0;
  /** Our clock's milliseconds before which no dialog is opened for it again: a person said no. */
  askAgainAt = 0;
  /** Our clock's milliseconds at which it was last used for work. */
  usedAt: number;
  readonly #parts: PurseParts;
  #book: Payee.Book;
  /** The chain's unix second less our own clock's, in seconds; from the last refresh. */
  #clockOffset = 0;
  /** Refreshes that vouchers may still cause, and when that was, in milliseconds. */
  #budget = { refreshes: REFRESH_BURST, at: 0 };
  /** Looks at the chain that were begun, and the newest of which the book knows. */
  #looks = { begun: 0, known: 0 };
  /** What a person was told is due last. */
  #told: Payee.Due | undefined;

  constructor(parts: PurseParts, { lane, potId, config, book }: StoredLane) {
    this.#parts = parts;
    this.lane = lane;
    this.potId = potId;
    this.config = config;
    this.#book = book;
    this.usedAt = parts.clock.now();
  }

  get book(): Payee.Book {
    return this.#book;
  }

  get highest(): SignedVoucher | undefined {
    const { payee } = this.#parts;
    const { highest } = this.#book;
    if (highest === undefined) return undefined;
    const { cumulative, signature } = highest;
    return { potId: this.potId, payee, lane: this.lane, cumulative, signature };
  }

  /** What is lost, and when, unless it is claimed. */
  get due(): Payee.Due | undefined {
    return Payee.dueSoon(this.#book, this.chainNow, this.#parts.rules());
  }

  /** The chain's unix second, as far as it can be told without asking. */
  get chainNow(): number {
    return Math.ceil(this.#parts.clock.unix() / 1000 + this.#clockOffset);
  }

  /** Takes the chain's unix second, so that ours can be told from it later. */
  setChainTime(now: number): void {
    this.#clockOffset = now - this.#parts.clock.unix() / 1000;
  }

  /** `apply`, when everything before it has ended. */
  post(event: Payee.Event): Promise<Amount> {
    return this.queue.run(() => this.apply(event));
  }

  /** One event; to be called in the queue. Throws what `step` refuses, after what it stores. Amount that are newly credited. */
  async apply(event: Payee.Event): Promise<Amount> {
    const { rules, tell, claim } = this.#parts;
    const { potId } = this;
    if (event.type !== "chain") this.usedAt = this.#parts.clock.now();
    const [next, effects] = Payee.step(this.#book, event, rules());
    let credited = 0n as Amount;
    let refused: VoucherError | undefined;
    for (const effect of effects) {
      if (effect.do === "store") {
        await this.#write(next);
        this.#book = next;
      } else if (effect.do === "credit") credited = effect.credited;
      else if (effect.do === "refuse") refused = refusal(effect.reason);
      else if (effect.do === "reorg")
        tell({ type: "reorg", potId, from: effect.from, to: effect.to });
      else if (effect.do === "ask") tell({ type: "unguaranteed", potId });
      else claim(this, effect.why);
    }
    if (refused) throw refused;
    return credited;
  }

  /** Stores a book that is new. */
  store(): Promise<void> {
    return this.queue.run(() => this.#write(this.#book));
  }

  async #write(book: Payee.Book): Promise<void> {
    const { lane, potId, config } = this;
    const { store, payee } = this.#parts;
    await store.write([laneChange(payee, { lane, potId, config, book })]);
  }

  /** To be called before the chain is asked for what `see` is told. */
  beginLook(): number {
    return ++this.#looks.begun;
  }

  /** Takes what the look `turn` showed, unless a later one was quicker; to be called in the queue. */
  async see(view: Payee.ChainView, turn: number): Promise<void> {
    if (turn < this.#looks.known) return;
    this.#looks.known = turn;
    const { tell } = this.#parts;
    const { potId } = this;
    this.setChainTime(view.now);
    const { ceiling, until } = this.#book;
    const credited = await this.apply({ type: "chain", ...view });
    if (view.ceiling > view.claimed && (view.ceiling !== ceiling || view.until !== until))
      tell({ type: "reserved", potId, ceiling: view.ceiling, until: view.until });
    if (credited > 0n) tell({ type: "credited", potId, credited });
    const { due } = this;
    if (due !== undefined && due.before !== this.#told?.before)
      tell({ type: "due", potId, ...due });
    this.#told = due;
  }

  /**
   * Reads pot and lane from the chain into the book, and keeps nobody waiting while the chain is asked: not to be called in the queue.
   * A pot that the server does not know has nothing to claim. Throws the signal's reason also where it fired just before the answer:
   * other tabs may have the lane by then.
   */
  async refresh(waits: Waits): Promise<void> {
    const turn = this.beginLook();
    const { exists: _, ...view } = await readChain(this.#parts, this, waits);
    waits.signal.throwIfAborted();
    await this.queue.run(() => this.see(view, turn));
  }

  /** A refresh for which a server that does not know the pot lags behind, and says nothing. */
  async look(waits: Waits): Promise<void> {
    const turn = this.beginLook();
    const { exists, ...view } = await readChain(this.#parts, this, waits);
    if (exists) await this.queue.run(() => this.see(view, turn));
  }

  /**
   * A refresh, and some more if it shows a chain that went back: nothing may be left unclaimed for an old memory. The third that agrees
   * is believed (`Payee.DOUBTS`), other looks between them counted; one that sees what was known ends the doubt.
   */
  async refreshUntilSure(waits: Waits): Promise<void> {
    do await this.refresh(waits);
    while (this.#book.doubts !== undefined);
  }

  /** A payer who signs more than there is could make us ask the chain for each voucher: a few, then one a second. */
  mayRefresh(): boolean {
    const now = this.#parts.clock.now();
    const { refreshes, at } = this.#budget;
    const left = Math.min(REFRESH_BURST, refreshes + (now - at) / 1000);
    this.#budget = { refreshes: left >= 1 ? left - 1 : left, at: now };
    return left >= 1;
  }
}
