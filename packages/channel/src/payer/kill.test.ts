import type { Amount } from "@tabcast/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Anvil, anvil } from "../../test/anvil.ts";
import { Crash, type Fuse, mortal } from "../../test/crash.ts";
import { dollars } from "../../test/dollars.ts";
import { impatient, stage } from "../../test/stage.ts";
import { type Chain, connect } from "../chain/chain.ts";
import { type MemoryStore, memory } from "../store/memory.ts";
import type { Lane, PayerPot, Settlement, SignedVoucher } from "../types.ts";
import { laneKey } from "../voucher.ts";
import { openPot, resumePot } from "./open-pot.ts";
import { unsettled } from "./pot-record.ts";

/*
 * A broadcaster's tab that dies at every operation of its store, on a real chain, from the deposit to the report: a worker is
 * paid, another's pay is not covered and remembered, the pot is opened again, topped up and settled. In the chain's coin, in a token
 * whose deposits the wallet only signs, and in one without that, whose deposits it approves.
 */

const wei = (value: bigint) => value as Amount;
const signal = AbortSignal.timeout(900_000);
const DEPOSIT = 1_000n;
const TOP_UP = 400n;

let net: Anvil;
let jump: ReturnType<typeof stage>["jump"];
/** The same chain, with pots in each of the three. */
const chains: Partial<Record<Kind, Chain>> = {};
beforeAll(async () => {
  net = await anvil();
  const { currency } = await dollars(net);
  chains.coin = await connect({ ...net, signal });
  const signing = await connect({ ...net, currency, signal });
  chains["signed token"] = signing;
  chains["approved token"] = { ...signing, authorizing: async () => undefined };
  ({ jump } = stage(net, signal));
});
afterAll(() => net.close());

type Kind = "coin" | "signed token" | "approved token";

function chainOf(kind: Kind): Chain {
  const chain = chains[kind];
  if (!chain) throw new Error(`there is no chain for a ${kind}`);
  return chain;
}

/** What one pot's story came to, over all the lives of its tab. */
class Story {
  readonly lanes: readonly [Lane, Lane];
  readonly handed = new Map<string, SignedVoucher>();
  report: Settlement | undefined;
  readonly kind: Kind;

  constructor(kind: Kind) {
    this.kind = kind;
    const { address: payee } = net.accounts[1];
    this.lanes = [
      { payee, lane: 1 },
      { payee, lane: 2 },
    ];
  }

  async pay(pot: PayerPot, lane: Lane, amount: bigint): Promise<void> {
    try {
      const voucher = await pot.pay(lane, wei(amount));
      this.handed.set(laneKey(lane), voucher);
    } catch (error) {
      if (!isCode(error, "POT_EMPTY")) throw error;
    }
  }

  /** The whole story, with a restart in the middle that nobody dies of. */
  async tell(store: MemoryStore): Promise<void> {
    const common = this.common(store);
    let pot = await openPot({ ...common, domain: net.domain, deposit: wei(DEPOSIT) });
    try {
      const [one, two] = this.lanes;
      await this.pay(pot, one, 600n);
      await this.pay(pot, two, 500n);
      await pot.close();
      pot = await resumePot({ ...common, potId: pot.potId });
      await pot.topUp(wei(TOP_UP), { signal });
      this.report = await pot.settle({ signal, progress: jump() });
    } finally {
      await pot.close();
    }
  }

  /** The next life: it tops up what it lacks, if anything, and settles. */
  async goOn(store: MemoryStore): Promise<void> {
    const [left] = await unsettled(store);
    if (!left) return;
    let pot: PayerPot;
    try {
      pot = await resumePot({ ...this.common(store), potId: left.potId });
    } catch (error) {
      if (isCode(error, "POT_NOT_OPENED")) return;
      throw error;
    }
    const { debt } = pot.balances();
    if (debt > 0n) await pot.topUp(wei(TOP_UP), { signal });
    const highest = this.lanes.map((lane) => pot.highest(lane)?.cumulative ?? 0n);
    this.report = await pot.settle({ signal, progress: jump() });
    await pot.close();
    const paid = this.lanes.map(
      ({ lane }) => this.report?.lanes.find((row) => row.lane === lane)?.paid ?? 0n,
    );
    expect(paid).toEqual(highest);
  }

  private common(store: MemoryStore) {
    const payer = net.accounts[0];
    const chain = chainOf(this.kind);
    return { rpc: net.rpc, chain, payer, store, signal, clock: impatient, challengePeriod: 900 };
  }
}

const isCode = (error: unknown, code: string) =>
  error instanceof Error && "code" in error && error.code === code;

/** The pot's operations on its store in a story in which nobody dies; the last test of each kind counts them. */
const OPERATIONS: Readonly<Record<Kind, number>> = {
  coin: 22,
  "signed token": 27,
  "approved token": 22,
};

describe.each(Object.entries(OPERATIONS) as [Kind, number][])(
  "a broadcaster's tab, with a pot in a %s, that dies at any of %i operations from deposit to report, before or after it",
  (kind, operations) => {
    const kills = Array.from({ length: operations }, (_, at) =>
      [false, true].map((after) => ({ at, after, when: after ? "after" : "before" })),
    ).flat();

    test.each(kills)(
      "it dies $when operation $at, and all is paid to the last part",
      async (kill) => {
        const store = memory();
        const story = new Story(kind);
        const chain = chainOf(kind);
        const fuse: Fuse = { left: kill.at, after: kill.after };
        const [, { address: payee }] = net.accounts;
        const before = await chain.tokenBalance(net.domain.contract, { signal });
        const wallet = await chain.tokenBalance(net.accounts[0].address, { signal });
        const death = await story
          .tell(mortal(store.share(), fuse))
          .catch((error: unknown) => error);
        expect(death).toBeInstanceOf(Crash);
        await story.goOn(store.share());
        const credit = await chain.credit(payee, { signal });
        const gone = wallet - (await chain.tokenBalance(net.accounts[0].address, { signal }));
        const { report } = story;
        if (report === undefined) {
          // Nothing was deposited, or it was all settled before the last operation.
          const held = await chain.tokenBalance(net.domain.contract, { signal });
          expect(held - before).toBe(story.handed.size === 0 ? 0n : 1_100n);
          if (kind !== "coin") expect(gone).toBe(held - before);
          return;
        }
        expect(report.deposited).toBe(report.paid + report.refunded);
        expect([DEPOSIT, DEPOSIT + TOP_UP]).toContain(report.deposited);
        for (const [, voucher] of story.handed) {
          const row = report.lanes.find(({ lane }) => lane === voucher.lane);
          expect(row?.paid).toBeGreaterThanOrEqual(voucher.cumulative);
        }
        expect(credit).toBeGreaterThanOrEqual(report.paid);
        // Beside the gas there is nothing else that leaves a wallet of tokens.
        if (kind !== "coin") expect(gone).toBe(report.paid);
        expect(await unsettled(store)).toEqual([]);
      },
    );

    test("the points are all that a whole life has", async () => {
      const fuse: Fuse = { left: Number.MAX_SAFE_INTEGER, after: false };
      const story = new Story(kind);
      await story.tell(mortal(memory(), fuse));
      expect(Number.MAX_SAFE_INTEGER - fuse.left).toBe(operations);
      expect(story.report).toMatchObject({ deposited: 1_400n, paid: 1_100n });
    });
  },
);
