import { SerialQueue, type Wei } from "@tabcast/runtime";
import type { Waits } from "../chain/chain.ts";
import type { Hex, PotConfig, SignedVoucher } from "../types.ts";
import type { VoucherError } from "../voucher.ts";
import { laneChange, type StoredLane } from "./lane-record.ts";
import type { PurseParts } from "./parts.ts";
import * as Payee from "./payee.ts";
import { refusal } from "./refusal.ts";

/** Refreshes from the chain that vouchers of one pot may cause at once. */
const REFRESH_BURST = 4;

/** A pot and our lane in it, asked of the chain now. */
export async function readChain(
  { chain, payee, lane }: Pick<PurseParts, "chain" | "payee" | "lane">,
  potId: Hex,
  waits: Waits,
): Promise<Payee.ChainView & { readonly exists: boolean }> {
  const [pot, [state], now] = await Promise.all([
    chain.pot(potId, waits),
    chain.lanes(potId, [{ payee, lane }], waits),
    chain.now(waits),
  ]);
  const { balance, closeAt, exists } = pot;
  const none = 0n as Wei;
  const { claimed, ceiling, until } = state ?? { claimed: none, ceiling: none, until: 0 };
  return { balance, closeAt, exists, claimed, ceiling, until, now };
}

/** The books of our lane in one pot: carries out what `payee.ts` decides. */
export class LaneLedger {
  readonly potId: Hex;
  readonly config: PotConfig;
  /** What must not interleave: every event and every claim of the lane. */
  readonly queue = new SerialQueue();
  readonly #parts: PurseParts;
  #book: Payee.Book;
  /** The chain's unix second less our own clock's, in seconds; from the last refresh. */
  #clockOffset = 0;
  /** Refreshes that vouchers may still cause, and when that was, in milliseconds. */
  #budget = { refreshes: REFRESH_BURST, at: 0 };

  constructor(parts: PurseParts, { potId, config, book }: StoredLane) {
    this.#parts = parts;
    this.potId = potId;
    this.config = config;
    this.#book = book;
  }

  get book(): Payee.Book {
    return this.#book;
  }

  get highest(): SignedVoucher | undefined {
    const { payee, lane } = this.#parts;
    const { highest } = this.#book;
    return highest && { potId: this.potId, payee, lane, ...highest };
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
  post(event: Payee.Event): Promise<Wei> {
    return this.queue.run(() => this.apply(event));
  }

  /** One event; to be called in the queue. Throws what `step` refuses, after what it stores. Wei that are newly credited. */
  async apply(event: Payee.Event): Promise<Wei> {
    const { rules, tell, claim } = this.#parts;
    const { potId } = this;
    const [next, effects] = Payee.step(this.#book, event, rules);
    let credited = 0n as Wei;
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
      else claim(this);
    }
    if (refused) throw refused;
    return credited;
  }

  /** Stores a book that is new. */
  store(): Promise<void> {
    return this.queue.run(() => this.#write(this.#book));
  }

  async #write(book: Payee.Book): Promise<void> {
    const { potId, config } = this;
    await this.#parts.store.write([laneChange(this.#parts, { potId, config, book })]);
  }

  /** Reads pot and lane from the chain into the book; to be called in the queue. */
  async refresh(waits: Waits): Promise<void> {
    const { tell } = this.#parts;
    const { potId } = this;
    const { exists: _, ...view } = await readChain(this.#parts, potId, waits);
    this.setChainTime(view.now);
    const { ceiling, until } = this.#book;
    const credited = await this.apply({ type: "chain", ...view });
    if (view.ceiling > view.claimed && (view.ceiling !== ceiling || view.until !== until))
      tell({ type: "reserved", potId, ceiling: view.ceiling, until: view.until });
    if (credited > 0n) tell({ type: "credited", potId, credited });
  }

  /** A refresh, and some more if it shows a chain that went back: nothing may be left unclaimed for an old memory. */
  async refreshUntilSure(waits: Waits): Promise<void> {
    for (let count = 0; count < Payee.DOUBTS; count++) {
      await this.refresh(waits);
      if (this.#book.doubts === undefined) return;
    }
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
