import type { Amount } from "@tabcast/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Anvil, anvil } from "../../test/anvil.ts";
import { Crash, type Fuse, mortal } from "../../test/crash.ts";
import { impatient, stage } from "../../test/stage.ts";
import { type Chain, connect } from "../chain/chain.ts";
import { type MemoryStore, memory } from "../store/memory.ts";
import type { Lane, PayerPot, Settlement, SignedVoucher } from "../types.ts";
import { laneKey } from "../voucher.ts";
import { openPot, resumePot } from "./open-pot.ts";
import { unsettled } from "./pot-record.ts";

/*
 * A broadcaster's tab that dies at every operation of its store, on a real chain, from the deposit to the report: a worker is
 * paid, another's pay is not covered and remembered, the pot is opened again, topped up and settled.
 */

const wei = (value: bigint) => value as Amount;
const signal = AbortSignal.timeout(900_000);
const DEPOSIT = 1_000n;
const TOP_UP = 400n;

let net: Anvil;
let chain: Chain;
let jump: ReturnType<typeof stage>["jump"];
beforeAll(async () => {
  net = await anvil();
  chain = await connect({ ...net, signal });
  ({ jump } = stage(net, signal));
});
afterAll(() => net.close());

/** What one pot's story came to, over all the lives of its tab. */
class Story {
  readonly lanes: readonly [Lane, Lane];
  readonly handed = new Map<string, SignedVoucher>();
  report: Settlement | undefined;

  constructor() {
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
    return { rpc: net.rpc, payer, store, signal, clock: impatient, challengePeriod: 900 };
  }
}

const isCode = (error: unknown, code: string) =>
  error instanceof Error && "code" in error && error.code === code;

/** The pot's operations on its store in a story in which nobody dies; the last test counts them. */
const OPERATIONS = 22;
const kills = Array.from({ length: OPERATIONS }, (_, at) =>
  [false, true].map((after) => ({ at, after, when: after ? "after" : "before" })),
).flat();

describe(`a broadcaster's tab that dies at any of ${kills.length} points from deposit to report`, () => {
  test.each(kills)("it dies $when operation $at, and all is paid to the wei", async (kill) => {
    const store = memory();
    const story = new Story();
    const fuse: Fuse = { left: kill.at, after: kill.after };
    const before = await chain.balance(net.domain.contract, { signal });
    const death = await story.tell(mortal(store.share(), fuse)).catch((error: unknown) => error);
    expect(death).toBeInstanceOf(Crash);
    await story.goOn(store.share());
    const credit = await chain.credit(net.accounts[1].address, { signal });
    const { report } = story;
    if (report === undefined) {
      // Nothing was deposited, or it was all settled before the last operation.
      const held = await chain.balance(net.domain.contract, { signal });
      expect(held - before).toBe(story.handed.size === 0 ? 0n : 1_100n);
      return;
    }
    expect(report.deposited).toBe(report.paid + report.refunded);
    expect([DEPOSIT, DEPOSIT + TOP_UP]).toContain(report.deposited);
    for (const [, voucher] of story.handed) {
      const row = report.lanes.find(({ lane }) => lane === voucher.lane);
      expect(row?.paid).toBeGreaterThanOrEqual(voucher.cumulative);
    }
    expect(credit).toBeGreaterThanOrEqual(report.paid);
    expect(await unsettled(store)).toEqual([]);
  });

  test("the points are all that a whole life has", async () => {
    const fuse: Fuse = { left: Number.MAX_SAFE_INTEGER, after: false };
    const story = new Story();
    await story.tell(mortal(memory(), fuse));
    expect(Number.MAX_SAFE_INTEGER - fuse.left).toBe(OPERATIONS);
    expect(story.report).toMatchObject({ deposited: 1_400n, paid: 1_100n });
  });
});
