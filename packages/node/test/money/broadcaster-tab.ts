import {
  type Address,
  type Chain,
  type Domain,
  memory as memoryStore,
  openPot,
  type PayerPot,
  resumePot,
} from "@tabcast/channel";
import { type MemoryNetwork, type Mesh, memory, type PeerId } from "@tabcast/mesh";
import { Keys, peerIdOf } from "@tabcast/protocol";
import { Amount, seededRandom } from "@tabcast/runtime";
import type { LocalAccount } from "viem";
import { type Fuse, mortal } from "../../../channel/test/crash.ts";
import { laneOf } from "../../../channel/test/events.ts";
import type { JobTerms } from "../../src/broadcaster/delivery.ts";
import type { Outcome } from "../../src/broadcaster/outcome.ts";
import { openPaying, type Paying } from "../../src/broadcaster/paying.ts";
import { Caller, type Hired } from "./caller.ts";
import type { HandClock } from "./clock.ts";
import { type Fate, Line } from "./line.ts";

export interface BroadcasterTabOptions {
  readonly network: MemoryNetwork;
  readonly hand: HandClock;
  readonly domain: Domain;
  readonly rpc: string;
  readonly chain: Chain.Chain;
  readonly payer: LocalAccount;
  readonly deposit: bigint;
  /** Whose account a peer is paid to. */
  readonly payeeOf: (peer: PeerId) => Address | undefined;
}

/** A broadcaster's tab: its pot and what pays from it, which can die at any operation of its store and be opened again. */
export class BroadcasterTab {
  readonly fuse: Fuse = { left: Number.MAX_SAFE_INTEGER, after: false };
  /** What it was told to pay on each lane, wei: no more may ever be signed. */
  readonly owed = new Map<string, bigint>();
  /** The part of it of which the tab did not die: no less may be signed, but for what the deposit did not have. */
  readonly sure = new Map<string, bigint>();
  readonly payees: (peer: PeerId) => Address | undefined;
  /** What it deposited for certain, and what it may have deposited as it died; wei. */
  deposited: bigint;
  maybeDeposited = 0n;
  crashes = 0;
  reserved = 0;
  readonly #options: BroadcasterTabOptions;
  readonly #store = memoryStore();
  readonly #self: PeerId;
  #own = new AbortController();
  #mesh: Mesh | undefined;
  #line: Line | undefined;
  #caller: Caller | undefined;
  #pot: PayerPot | undefined;
  #paying: Paying | undefined;
  /** What left for each lane before the tab was last opened. */
  readonly #left = new Map<string, bigint>();

  private constructor(options: BroadcasterTabOptions, self: PeerId) {
    this.#options = options;
    this.#self = self;
    this.payees = options.payeeOf;
    this.deposited = options.deposit;
  }

  static async open(options: BroadcasterTabOptions): Promise<BroadcasterTab> {
    const keys = await Keys.fromSeed(new Uint8Array(32).fill(1));
    const tab = new BroadcasterTab(options, peerIdOf(keys.publicKey));
    const { domain, payer, deposit } = options;
    const pot = await openPot({
      ...tab.#common(),
      domain,
      payer,
      deposit: Amount.of(deposit),
      challengePeriod: 900,
    });
    tab.#begin(pot);
    return tab;
  }

  get pot(): PayerPot {
    if (this.#pot === undefined) throw new Error("the broadcaster's tab is closed");
    return this.#pot;
  }

  get line(): Line {
    if (this.#line === undefined) throw new Error("the broadcaster's tab is closed");
    return this.#line;
  }

  get caller(): Caller {
    if (this.#caller === undefined) throw new Error("the broadcaster's tab is closed");
    return this.#caller;
  }

  /** The highest voucher that left for a lane, wei. */
  leftFor(key: string): bigint {
    const [before, now] = [this.#left.get(key) ?? 0n, this.line.left.get(key) ?? 0n];
    return before > now ? before : now;
  }

  get isDead(): boolean {
    return this.fuse.left < 0;
  }

  #common() {
    const { hand, rpc, chain, payer } = this.#options;
    return {
      rpc,
      payer,
      chain,
      store: mortal(this.#store.share(), this.fuse),
      signal: AbortSignal.timeout(600_000),
      clock: hand.pot,
    };
  }

  #begin(pot: PayerPot): void {
    const { network, hand, payeeOf } = this.#options;
    this.#own = new AbortController();
    const { signal } = this.#own;
    this.#mesh = memory(network, { self: this.#self });
    this.#line = new Line(this.#mesh, payeeOf);
    this.#caller = new Caller(this.#mesh, hand, signal);
    this.#pot = pot;
    const { mesh } = this.#line;
    const random = seededRandom(1, "broadcaster");
    const context = { mesh, clock: hand.node, random, signal };
    this.#paying = openPaying(context, { pot, warn: () => () => {} });
    pot.watch((news) => void (news.type === "reserved" && this.reserved++), { signal });
  }

  /** Pays for a verified segment, or says that it was bad. */
  async judge(of: Hired, seq: number, amount: bigint, fate: Fate, ok = true): Promise<void> {
    const { hand } = this.#options;
    this.line.decide(seq, of.worker, fate);
    const terms = { ...of } as unknown as JobTerms;
    if (!ok) this.#paying?.refuse(terms, seq, ["size"]);
    else {
      const key = laneOf(of);
      this.owed.set(key, (this.owed.get(key) ?? 0n) + amount);
      const pay = { terms, amount: Amount.of(amount), cleared: Promise.resolve(true) };
      const outcome = { by: of.worker, segment: { seq }, pay } as unknown as Outcome;
      await hand.until((this.#paying as Paying).pay(outcome));
      if (!this.isDead) this.sure.set(key, (this.sure.get(key) ?? 0n) + amount);
    }
    await hand.settle();
  }

  /** The tab dies, with all that is on its way, and is opened again from what it wrote. */
  async restart(): Promise<void> {
    const { hand } = this.#options;
    const { potId } = this.pot;
    this.crashes++;
    this.fuse.left = -1;
    for (const [key, amount] of this.line.left)
      if (amount > this.leftFor(key) - 1n) this.#left.set(key, amount);
    this.#own.abort(new Error("the tab is gone"));
    await this.#mesh?.close();
    await this.pot.close();
    await hand.settle();
    Object.assign(this.fuse, { left: Number.MAX_SAFE_INTEGER, after: false });
    this.#begin(await resumePot({ ...this.#common(), potId }));
  }

  async topUp(amount: bigint): Promise<void> {
    try {
      await this.pot.topUp(Amount.of(amount), { signal: AbortSignal.timeout(60_000) });
      this.deposited += amount;
    } catch (error) {
      if (!this.isDead) throw error;
      this.maybeDeposited += amount;
    }
  }

  async close(): Promise<void> {
    this.#own.abort(new Error("the run is over"));
    await this.#mesh?.close();
    await this.pot.close();
  }
}
