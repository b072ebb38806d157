import { type Amount, SerialQueue } from "@tabcast/runtime";
import type { PrivateKeyAccount } from "viem";
import { potId, separator } from "../config.ts";
import type { Store } from "../store/store.ts";
import type { Domain, Hex, Lane, PotConfig, PotNews, SignedVoucher } from "../types.ts";
import * as Voucher from "../voucher.ts";
import * as Payer from "./payer.ts";
import { laneChange, type PotRecord, potChange } from "./pot-record.ts";
import { refusal } from "./refusal.ts";

export interface LedgerOptions {
  readonly store: Store;
  readonly record: PotRecord;
  readonly lanes: readonly Payer.LaneBook[];
  /** The session key; undefined when it has gone home. */
  readonly key: PrivateKeyAccount | undefined;
  readonly tell: (news: PotNews) => void;
  /** Sends the `reserve` that `payer.ts` decided. Not waited for: paying does not wait for a block. */
  readonly reserve: (guarantees: Payer.Guarantees) => void;
}

/** The books of one pot: carries out what `payer.ts` decides, and each effect is done before the new book counts. */
export class Ledger {
  readonly potId: Hex;
  readonly config: PotConfig;
  readonly domain: Domain;
  /** What must not interleave: every event of the pot. */
  readonly queue = new SerialQueue();
  /** Changes of the record come from events, top-ups and the end: two at once would undo each other. */
  readonly #writes = new SerialQueue();
  readonly #domainSeparator: Hex;
  readonly #options: LedgerOptions;
  #book: Payer.Book;
  #record: PotRecord;
  #key: PrivateKeyAccount | undefined;

  constructor(options: LedgerOptions) {
    const { record, lanes, key } = options;
    this.#options = options;
    this.config = record.config;
    this.domain = record.domain;
    this.#domainSeparator = separator(record.domain);
    this.potId = potId(this.#domainSeparator, record.config);
    this.#record = record;
    this.#key = key;
    this.#book = {
      state: record.state,
      deposited: BigInt(record.deposited) as Amount,
      lanes: new Map(lanes.map((lane) => [Voucher.laneKey(lane), lane])),
    };
  }

  get book(): Payer.Book {
    return this.#book;
  }

  get record(): PotRecord {
    return this.#record;
  }

  get key(): PrivateKeyAccount | undefined {
    return this.#key;
  }

  /** The highest voucher of a lane. */
  highest({ payee, lane }: Lane): SignedVoucher | undefined {
    const signed = this.#book.lanes.get(Voucher.laneKey({ payee, lane }))?.signed;
    return signed && { potId: this.potId, payee, lane, ...signed };
  }

  /** Throws VoucherError unless the voucher is of this pot and our own key signed it. */
  async verify(voucher: SignedVoucher): Promise<void> {
    Voucher.checkForm(voucher);
    if (voucher.potId.toLowerCase() !== this.potId)
      throw new Voucher.VoucherError(
        { code: "VOUCHER_MISDIRECTED", field: "potId" },
        `the voucher is for pot ${voucher.potId}, not ${this.potId}`,
      );
    await Voucher.verify(this.#domainSeparator, this.config.signer, voucher);
  }

  /** `apply`, when everything before it has ended. */
  post(event: Payer.Event): Promise<SignedVoucher | undefined> {
    return this.queue.run(() => this.apply(event));
  }

  /**
   * One event, with everything that follows from it; to be called in the queue. What it returns is what the peer must get.
   * Throws PotError, StoreError.
   */
  async apply(event: Payer.Event): Promise<SignedVoucher | undefined> {
    const before = [...this.#book.lanes.values()].filter((lane) => lane.debt !== undefined);
    const [next, effects] = Payer.step(this.#book, event);
    let out: SignedVoucher | undefined;
    let current = false;
    /** What the next effect will sign, under way while its intent is written. */
    let early: Promise<Hex | undefined> | undefined;
    // The book becomes ours only after its first write: a failed disk must not leave us ahead of it.
    const adopt = () => {
      if (!current) this.#book = next;
      current = true;
    };
    for (const [at, effect] of effects.entries()) {
      if (effect.do === "refuse") throw refusal(effect.reason);
      if (effect.do === "storeLane") {
        const writing = this.#options.store.write([laneChange(this.potId, effect.lane)]);
        // The disk is slow and signing takes no disk: the signature waits for the intent, and goes nowhere without it.
        const after = effects[at + 1];
        if (after?.do === "sign") early = this.#signature(after.lane, after.cumulative);
        early?.catch(() => {}); // told where it is waited for, unless the disk failed first
        await writing;
        adopt();
      } else if (effect.do === "storeState") {
        const deposited = next.deposited.toString();
        // With its amount in the same write, a top-up counts once whenever the tab dies.
        await this.keep((record) => ({
          ...(event.type === "toppedUp" ? withTopUp(record, event.amount) : record),
          ...{ state: effect.state, deposited },
        }));
        adopt();
      } else if (effect.do === "sign") {
        adopt();
        const { lane, cumulative } = effect;
        const signature = await (early ?? this.#signature(lane, cumulative));
        early = undefined;
        // Nothing can be signed where the key has gone home, or its seal is broken.
        out = signature && (await this.apply({ type: "signed", lane, cumulative, signature }));
      } else if (effect.do === "reserve") {
        adopt();
        this.#options.reserve(effect);
      } else {
        const { lane, cumulative, signature } = effect;
        out = { potId: this.potId, payee: lane.payee, lane: lane.lane, cumulative, signature };
      }
    }
    adopt();
    for (const lane of before) this.#tellPaid(lane, next);
    return out;
  }

  /** Tells of a lane whose debt became less. */
  #tellPaid(lane: Payer.LaneBook, next: Payer.Book): void {
    const now = next.lanes.get(Voucher.laneKey(lane));
    const voucher = this.highest(lane);
    if (voucher && now && (now.debt ?? 0n) < (lane.debt ?? 0n))
      this.#options.tell({ type: "debtPaid", voucher });
  }

  /** The signature over a lane's total; undefined without a key. */
  async #signature(lane: Lane, cumulative: Amount): Promise<Hex | undefined> {
    if (!this.#key) return undefined;
    const terms = { potId: this.potId, ...lane, cumulative };
    return (await Voucher.sign(this.#domainSeparator, this.#key, terms)).signature;
  }

  /** Changes the pot's record, as the change before it has left it; it counts once it is written. */
  keep(change: (record: PotRecord) => PotRecord): Promise<void> {
    return this.#writes.run(async () => {
      const next = change(this.#record);
      await this.#options.store.write([potChange(this.potId, next)]);
      this.#record = next;
    });
  }

  /** Forgets the session key, on disk first. */
  async dropKey(): Promise<void> {
    await this.keep(({ key: _, ...rest }) => rest);
    this.#key = undefined;
  }
}

/** Top-ups that are remembered as they were signed; the oldest are too deep to be undone. */
const MOST_TOP_UPS = 16;

/**
 * The record once so much has arrived: the top-up that was on its way, unless that is more, as where a stranger paid in. Its bytes are
 * kept, in case the chain goes back behind it.
 */
function withTopUp(record: PotRecord, arrived: Amount): PotRecord {
  const { topUp, ...rest } = record;
  if (topUp !== undefined && arrived < BigInt(topUp.amount)) return record;
  if (topUp?.raw === undefined && topUp?.authorization?.signature === undefined) return rest;
  return { ...rest, toppedUp: [...(rest.toppedUp ?? []), topUp].slice(-MOST_TOP_UPS) };
}
