import { type Amount, type Clock, systemClock, Wei } from "@tabcast/runtime";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Anvil, anvil } from "../../test/anvil.ts";
import { dollars } from "../../test/dollars.ts";
import { replay } from "../../test/replay.ts";
import { stage } from "../../test/stage.ts";
import { type Chain, connect } from "../chain/chain.ts";
import { worth } from "../currency.ts";
import { type MemoryStore, memory } from "../store/memory.ts";
import type { Hex, Lane, PayerPot, SettleProgress, SignedVoucher } from "../types.ts";
import { laneKey } from "../voucher.ts";
import { resumePot } from "./open-pot.ts";

const wei = (value: bigint) => value as Amount;
const signal = AbortSignal.timeout(600_000);
const RUNS = process.env.RUNS === undefined ? 12 : replay.numRuns;

let net: Anvil;
const chains: { coin?: Chain; dollars?: Chain } = {};
/** What the pots of the running test are in, and a thousandth of a coin, or what it is worth, in that. */
let chain: Chain;
let thousandth: bigint;
let salt = 0;
beforeAll(async () => {
  net = await anvil();
  const { currency, mint } = await dollars(net);
  await mint(net.accounts[0].address, 10n ** 12n);
  chains.coin = await connect({ ...net, signal });
  chains.dollars = await connect({ ...net, currency, signal });
});
afterAll(() => net.close());

/** How often a lane is asked for after a look, while its guarantee may be on its way; and looks after which there must be one. */
const ASKS = 100;
const LOOKS = 20;

/** A clock on which guarantees are reconsidered when the test says so, and all else is short. */
class Turns {
  #due: (() => void) | undefined;
  #waits = Promise.withResolvers<void>();
  readonly clock: Clock = {
    ...systemClock,
    sleep: async (ms, options) => {
      if (ms !== 25_000) return systemClock.sleep(Math.min(ms, 20), options);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#due = resolve;
      this.#waits.resolve();
      options?.signal?.addEventListener("abort", () => resolve(), { once: true });
      await promise;
      options?.signal?.throwIfAborted();
    },
  };

  /** Has guarantees reconsidered; resolves when that is done but for the transaction. */
  async turn(): Promise<void> {
    await this.#waits.promise;
    this.#waits = Promise.withResolvers();
    this.#due?.();
    await this.#waits.promise;
  }
}

type Move =
  | { readonly do: "pay"; readonly lane: number; readonly milli: number }
  | { readonly do: "claim"; readonly lane: number }
  /** A worker lives long enough for a guarantee, claims what it has, and is gone. */
  | { readonly do: "career"; readonly lane: number; readonly milli: number }
  | { readonly do: "wait"; readonly seconds: number }
  | { readonly do: "topUp"; readonly milli: number }
  | { readonly do: "restart" };

const lane = fc.nat(3);
const some = (max: number) => fc.integer({ min: 1, max });
const moves: fc.Arbitrary<Move> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("pay" as const), lane, milli: some(60) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("claim" as const), lane }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("career" as const), lane, milli: some(9) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      seconds: fc.constantFrom(25, 61, 300, 700),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("topUp" as const), milli: some(100) }) },
  { weight: 1, arbitrary: fc.constant({ do: "restart" as const }) },
);

/** One stream of honest parties: what was handed to whom, and by which pot. */
class Stream {
  readonly turns = new Turns();
  readonly store: MemoryStore = memory();
  readonly handed = new Map<string, SignedVoucher>();
  readonly lanes: readonly Lane[];
  reserved = 0;
  #pot: PayerPot | undefined;

  constructor() {
    salt++;
    this.lanes = Array.from({ length: 4 }, (_, i) => ({
      payee: `0x${(salt * 16 + i).toString(16).padStart(40, "0")}` as Hex,
      lane: i,
    }));
  }

  get pot(): PayerPot {
    if (!this.#pot) throw new Error("the stream has not begun");
    return this.#pot;
  }

  async begin(): Promise<void> {
    const { funded } = stage(net, signal);
    const { clock } = this.turns;
    this.#pot = await funded({
      deposit: wei(100n * thousandth),
      store: this.store.share(),
      clock,
      chain,
    });
    this.#listen();
  }

  async act(move: Move): Promise<void> {
    if (move.do === "pay")
      await this.#pay(this.lanes[move.lane] as Lane, BigInt(move.milli) * thousandth);
    else if (move.do === "claim") await this.#claim(this.lanes[move.lane] as Lane);
    else if (move.do === "career") await this.#career(this.lanes[move.lane] as Lane, move.milli);
    else if (move.do === "topUp")
      await this.pot.topUp(wei(BigInt(move.milli) * thousandth), { signal });
    else if (move.do === "restart") await this.#restart();
    else {
      await net.warp(move.seconds);
      await this.turns.turn();
    }
  }

  async #pay(to: Lane, amount: bigint): Promise<void> {
    try {
      this.handed.set(laneKey(to), await this.pot.pay(to, wei(amount)));
    } catch (error) {
      expect(error).toMatchObject({ code: "POT_EMPTY" });
    }
  }

  async #career(of: Lane, milli: number): Promise<void> {
    for (const seconds of [25, 70, 25]) {
      await this.#pay(of, BigInt(milli) * thousandth);
      await net.warp(seconds);
      await this.turns.turn();
    }
    const guaranteed = async () => {
      const { lanes, now } = await chain.look(this.pot.potId, [of], { signal });
      return lanes.some(({ ceiling, claimed, until }) => ceiling > claimed && until >= now);
    };
    // By now, or on its way, or at a later look where the one before failed or found too little gas; unless nothing is left for it.
    for (let look = 0; this.pot.balances().free >= 30n * thousandth; look++) {
      for (let ask = 0; ask < ASKS && !(await guaranteed()); ask++)
        await systemClock.sleep(5, { signal });
      if (await guaranteed()) break;
      expect(look, "looks without a guarantee").toBeLessThan(LOOKS);
      await net.warp(25);
      await this.turns.turn();
    }
    await this.#claim(of);
  }

  async #claim(of: Lane): Promise<void> {
    const voucher = this.handed.get(laneKey(of));
    if (voucher) await chain.claim(net.accounts[1], this.pot.config, [voucher], { signal });
  }

  async #restart(): Promise<void> {
    const { potId } = this.pot;
    await this.pot.close();
    const { clock } = this.turns;
    const common = { rpc: net.rpc, chain, payer: net.accounts[0], signal, clock };
    this.#pot = await resumePot({ ...common, potId, store: this.store.share() });
    this.#listen();
  }

  #listen(): void {
    const { pot } = this;
    pot.watch(
      (news) => {
        if (news.type === "reserved") this.reserved++;
        // Out of a pot in a token no gas can be taken: whoever has it told sends some.
        if (news.type === "gasLow")
          void pot.topUpGas((2n * news.need) as Wei, { signal }).catch(() => undefined);
      },
      { signal },
    );
  }
}

/** The chain's clock jumps to just before whatever is waited for, so that guarantees lapse on the way, and then over it. */
function soon(p: SettleProgress): void {
  if (p.step !== "waiting") return;
  const left = p.until - p.now;
  void net.warp(left > 120 ? left - 60 : left);
}

test.each(["coin", "dollars"] as const)(
  `honest parties, paid in %s: whatever lapses, is claimed, topped up or opened again, each lane ends with its highest voucher, in ${RUNS} runs (SEED=${replay.seed})`,
  async (kind) => {
    chain = chains[kind] as Chain;
    thousandth = worth(chain.currency, Wei.of(10n ** 15n));
    let guarantees = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(moves, { minLength: 8, maxLength: 20 }), async (all) => {
        const stream = new Stream();
        await stream.begin();
        for (const move of all) await stream.act(move);
        const { pot } = stream;
        const settlement = await pot.settle({ signal, progress: soon });
        guarantees += stream.reserved;
        const { deposited, debt } = pot.balances();
        for (const of of stream.lanes) {
          const signed = pot.highest(of)?.cumulative ?? 0n;
          const handed = stream.handed.get(laneKey(of))?.cumulative ?? 0n;
          expect(signed).toBeGreaterThanOrEqual(handed);
          const row = settlement.lanes.find(({ payee }) => payee.toLowerCase() === of.payee);
          expect(row?.paid ?? 0n).toBe(signed);
          expect(await chain.credit(of.payee, { signal })).toBe(signed);
        }
        expect(settlement.deposited).toBe(deposited);
        expect(settlement.paid + settlement.refunded).toBe(deposited);
        // What was earned and is not paid is only what the deposit did not have.
        if (debt > 0n) expect(settlement.refunded).toBe(0n);
        await pot.close();
      }),
      { ...replay, numRuns: RUNS },
    );
    expect(guarantees).toBeGreaterThan(0);
  },
  590_000,
);
