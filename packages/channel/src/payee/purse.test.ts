import { type Amount, type Clock, Millis, systemClock, Wei } from "@tabcast/runtime";
import { privateKeyToAccount } from "viem/accounts";
import { beforeEach, describe, expect, test } from "vitest";
import { type Ledger, ledger, NOW } from "../../test/ledger.ts";
import { ChainError } from "../chain/chain.ts";
import { potId as potIdOf, separator } from "../config.ts";
import { FINALIZED } from "../final.ts";
import * as Share from "../share.ts";
import { type MemoryStore, memory } from "../store/memory.ts";
import type { Domain, Hex, PotConfig, Purse, PurseNews, SignedVoucher } from "../types.ts";
import * as Voucher from "../voucher.ts";
import { MOST_LANES } from "./lanes.ts";
import { type OpenPurseOptions, openPurse } from "./open-purse.ts";

const wei = (value: bigint | number) => BigInt(value) as Amount;
const signal = AbortSignal.timeout(120_000);
const domain: Domain = { chainId: 31337, contract: `0x${"ab".repeat(20)}` };
const payer = privateKeyToAccount(`0x${"11".repeat(32)}`);
const signer = privateKeyToAccount(`0x${"22".repeat(32)}`);
const worker = privateKeyToAccount(`0x${"33".repeat(32)}`);
/** What a lane of these tests is owed: well above the 120,000 wei that a claim costs on this chain, below twenty times that. */
const OWED = 1_000_000n;
const DEPOSIT = 10n ** 12n;
/** A tab that looks as often as it can, and moves no clock. */
const eager: Clock = {
  ...systemClock,
  sleep: (ms, options) => systemClock.sleep(Math.min(ms, 5), options),
};

const config = (n: number): PotConfig => ({
  payer: payer.address,
  signer: signer.address,
  token: `0x${"00".repeat(20)}`,
  challengePeriod: 900,
  salt: `0x${n.toString(16).padStart(64, "0")}`,
});
const voucherFor = (potId: Hex, lane: number, total: bigint): Promise<SignedVoucher> =>
  Voucher.sign(separator(domain), signer, {
    potId,
    payee: worker.address,
    lane,
    cumulative: wei(total),
  });

let chain: Ledger;
let store: MemoryStore;
let problems: Error[];
let salts = 0;
beforeEach(() => {
  chain = ledger(domain);
  store = memory();
  problems = [];
});

const open = (more: Partial<OpenPurseOptions> = {}): Promise<Purse> =>
  openPurse({
    payee: worker.address,
    account: worker,
    domain,
    rpc: "",
    store: store.share(),
    signal,
    chain,
    clock: eager,
    onProblem: (error) => void problems.push(error),
    ...more,
  });

/** A pot that owes the purse `amount`. */
async function owed(purse: Purse, amount = OWED, deposit = DEPOSIT): Promise<Hex> {
  const pot = config(++salts);
  await chain.deposit(payer, pot, { amount: wei(deposit), signerGas: Wei.zero, signal });
  const potId = await purse.trust(domain, pot, { signal });
  if (amount === 0n) return potId;
  await purse.accrue(potId, wei(amount));
  await purse.accept(await voucherFor(potId, purse.lane, amount));
  return potId;
}

/** `count` more looks at the pots have begun. */
async function looks(count: number): Promise<void> {
  const before = chain.asked.get("snapshot") ?? 0;
  await expect
    .poll(() => (chain.asked.get("snapshot") ?? 0) - before)
    .toBeGreaterThanOrEqual(count);
}

const away = () =>
  new ChainError({ code: "CHAIN_UNREACHABLE", rpc: "test" }, "the server was away");

describe("a purse whose pot closes", () => {
  test("a purse claims again when its first claims fail, says so, and was told what is lost when", async () => {
    let tries = 0;
    const news: PurseNews[] = [];
    const purse = await open();
    purse.watch((one) => news.push(one), { signal });
    const potId = await owed(purse);
    chain.instead.claim = async (...call) => {
      if (++tries > 3) delete chain.instead.claim;
      if (tries <= 3) throw away();
      return chain.claim(...call);
    };
    expect(purse.due()).toEqual([]);
    chain.close(potId, NOW + 900);
    await expect.poll(() => purse.balances().claimed).toBe(OWED);
    expect(tries).toBe(4);
    expect(problems.map(({ message }) => message)).toEqual(Array(3).fill("the server was away"));
    const due = { potId, amount: OWED, before: NOW + 900 };
    expect(news.filter(({ type }) => type === "due")).toEqual([{ type: "due", ...due }]);
    expect(purse.due()).toEqual([]);
    await purse.close();
  });

  test("a purse claims when gas that was too dear at the close is cheap again", async () => {
    const purse = await open();
    const potId = await owed(purse);
    chain.instead.gasPrice = async () => Wei.of(1_000);
    chain.instead.quote = async () => ({ gas: 120_000n, cost: Wei.of(120_000_000) });
    await looks(2);
    chain.close(potId, NOW + 900);
    await looks(3);
    expect(chain.asked.get("claim")).toBeUndefined();
    delete chain.instead.gasPrice;
    delete chain.instead.quote;
    await expect.poll(() => purse.balances().claimed).toBe(OWED);
    expect(problems).toEqual([]);
    await purse.close();
  });

  test("a purse whose tab died in the claim looks at once when it opens again, and claims", async () => {
    const first = await open({ lane: 7 });
    const potId = await owed(first);
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    chain.instead.claim = () => {
      resolve();
      return new Promise(() => {});
    };
    chain.close(potId, NOW + 900);
    await asked;
    // The records as they are, and none of the dead tab's locks.
    const left = memory();
    await left.write(await store.list(""));
    delete chain.instead.claim;
    // It looks once, at its start: the next look is an hour away.
    const second = await open({ lane: 7, store: left, clock: systemClock, refresh: 3_600_000 });
    await expect.poll(() => second.balances().claimed).toBe(OWED);
    await second.close();
    await first.close();
  });

  test("a claim that hangs in a wallet's dialog stops no look at, and no claim of, another pot", async () => {
    const purse = await open();
    const pots = [await owed(purse), await owed(purse), await owed(purse)];
    const begun: string[] = [];
    chain.instead.claim = (_, { salt }) => {
      begun.push(salt);
      return new Promise(() => {});
    };
    for (const potId of pots) {
      const before = begun.length;
      chain.close(potId, NOW + 900);
      await expect.poll(() => begun.length).toBeGreaterThan(before);
      await looks(3);
    }
    // One each: while a person has the dialog open, no second one comes for the same pot.
    expect(new Set(begun).size).toBe(3);
    expect(begun).toHaveLength(3);
    await purse.close();
  });

  test("a person who said no is not asked again with each look, and goes on being told", async () => {
    let dialogs = 0;
    const account = {
      address: worker.address,
      provider: { request: async () => undefined },
    };
    chain.instead.claim = async () => {
      dialogs++;
      throw new ChainError({ code: "CHAIN_REJECTED" }, "the person said no");
    };
    const purse = await open({ account });
    const potId = await owed(purse);
    chain.close(potId, NOW + 900);
    await expect.poll(() => problems.length).toBe(1);
    await looks(5);
    expect(dialogs).toBe(1);
    expect(purse.due()).toEqual([{ potId, amount: OWED, before: NOW + 900 }]);
    await purse.close();
  });

  test("a pot that somebody finalized while we claimed is no trouble", async () => {
    const purse = await open();
    const potId = await owed(purse);
    chain.instead.claim = async () => {
      chain.close(potId, FINALIZED);
      throw new ChainError(
        { code: "CHAIN_REVERTED", error: "PotIsFinal", args: [] },
        "the pot is final",
      );
    };
    chain.close(potId, NOW + 900);
    await expect.poll(() => purse.outstanding(potId)).toBe(0n);
    await purse.close(); // after its claim
    expect(problems).toEqual([]);
  });
});

describe("a purse whose pots stay open", () => {
  test("a purse claims at twenty times the gas, and not before", async () => {
    const purse = await open();
    const potId = await owed(purse, 2_399_999n);
    await looks(3);
    expect(chain.asked.get("claim")).toBeUndefined();
    await purse.accrue(potId, wei(1));
    await purse.accept(await voucherFor(potId, purse.lane, 2_400_000n));
    await expect.poll(() => purse.balances().claimed).toBe(2_400_000n);
    await purse.close();
  });

  test("a page that is hidden claims what is worth ten times the gas, and opens no dialog for it", async () => {
    const purse = await open();
    const [small, large] = [await owed(purse, 1_199_999n), await owed(purse, 1_200_000n)];
    await purse.secure({ signal });
    expect(purse.outstanding(large)).toBe(0n);
    expect(purse.outstanding(small)).toBe(1_199_999n);
    await purse.close();
    const account = { address: worker.address, provider: { request: async () => undefined } };
    const person = await open({ account });
    const third = await owed(person, 1_200_000n);
    await person.secure({ signal });
    expect(person.outstanding(third)).toBe(1_200_000n);
    await person.close();
  });

  test("a purse gives no credit for what the pot has promised to others, whatever its soft cap", async () => {
    const purse = await open({ softCap: wei(DEPOSIT) });
    const potId = await owed(purse, 0n);
    chain.promise(potId, DEPOSIT);
    await looks(2);
    await purse.accrue(potId, wei(OWED));
    const voucher = await voucherFor(potId, purse.lane, OWED);
    await expect(purse.accept(voucher)).rejects.toMatchObject({
      reason: { code: "VOUCHER_UNGUARANTEED", unpayable: OWED },
    });
    expect(purse.highest(potId)).toEqual(voucher); // it may become worth something
    await purse.close();
  });

  test("a purse without a soft cap of its own holds back credit above the pay of five segments", async () => {
    // Without an account no claim makes room.
    const purse = await openPurse({
      payee: worker.address,
      domain,
      rpc: "",
      store: store.share(),
      signal,
      chain,
      clock: eager,
      segmentPay: wei(OWED),
    });
    const potId = await owed(purse, 5n * OWED);
    await purse.accrue(potId, wei(1));
    await expect(
      purse.accept(await voucherFor(potId, purse.lane, 5n * OWED + 1n)),
    ).rejects.toMatchObject({
      reason: { code: "VOUCHER_UNGUARANTEED", exposed: 5n * OWED + 1n, softCap: 5n * OWED },
    });
    await purse.close();
  });
});

describe("what a purse holds", () => {
  test("what live guarantees cover is known from the books, before the chain answers and until they end", async () => {
    const books = memory();
    const first = await open({ store: books.share() });
    const sure = await owed(first);
    await owed(first); // guaranteed by nobody
    expect(first.guaranteed()).toBe(0n);
    // Of a guarantee only what is owed counts.
    chain.guarantee(sure, { payee: worker.address, lane: first.lane }, 5n * OWED, NOW + 600);
    await expect.poll(() => first.guaranteed()).toBe(OWED);
    await first.close();
    chain.instead.snapshot = () => new Promise(() => {});
    const clock = { ...eager, unix: () => Millis.of(NOW * 1000) };
    const second = await open({ store: books.share(), clock });
    expect(second.guaranteed()).toBe(OWED);
    expect(second.balances()).toMatchObject({ vouchered: 2n * OWED, outstanding: 2n * OWED });
    await second.close();
    const late = { ...eager, unix: () => Millis.of((NOW + 601) * 1000) };
    const third = await open({ store: books.share(), clock: late });
    expect(third.guaranteed()).toBe(0n);
    await third.close();
  });

  test("every voucher of which something is outstanding is named after a reload, that with most first", async () => {
    const books = memory();
    const other = await open({ lane: 1, store: books.share() });
    const least = await owed(other);
    await other.close();
    const first = await open({ lane: 2, store: books.share() });
    const [some, most, none] = [
      await owed(first, OWED + 1n),
      await owed(first, OWED + 2n),
      await owed(first, 0n),
    ];
    await first.close();
    const purse = await open({ lane: 2, store: books.share() });
    const held = purse.held();
    expect(
      held.map(({ voucher, outstanding }) => [voucher.potId, voucher.lane, outstanding]),
    ).toEqual([
      [most, 2, OWED + 2n],
      [some, 2, OWED + 1n],
      [least, 1, OWED],
    ]);
    expect(held.map(({ voucher }) => voucher.potId)).not.toContain(none);
    for (const { config: pot, voucher, domain: of } of held) {
      expect(potIdOf(separator(of), pot)).toBe(voucher.potId);
      await Voucher.verify(separator(of), signer.address, voucher);
    }
    chain.close(most, FINALIZED);
    await expect.poll(() => purse.held().length).toBe(2);
    await purse.close();
  });
});

describe("what a purse believes", () => {
  /** A purse that looks at its start and when it must. */
  const resting = (more: Partial<OpenPurseOptions> = {}) =>
    open({ clock: systemClock, refresh: 3_600_000, ...more });
  const trust = async (purse: Purse, deposit: bigint, more: Partial<PotConfig> = {}) => {
    const pot = { ...config(++salts), ...more };
    if (deposit > 0n)
      await chain.deposit(payer, pot, { amount: wei(deposit), signerGas: Wei.zero, signal });
    return purse.trust(domain, pot, { signal });
  };

  test("a purse trusts a pot that has just as much, closes just as slowly and costs just as much as it accepts", async () => {
    const purse = await resting({ minBalance: wei(10), minChallenge: 1_000, maxFeeBps: 50 });
    const slow = { challengePeriod: 1_000 };
    Object.assign(chain.instead, { feeBps: 50 });
    await trust(purse, 10n, slow);
    await expect(trust(purse, 9n, slow)).rejects.toMatchObject({
      reason: { code: "POT_UNFUNDED", balance: 9n, min: 10n },
    });
    await expect(trust(purse, 10n, { challengePeriod: 999 })).rejects.toMatchObject({
      reason: { code: "POT_CHALLENGE_SHORT", challengePeriod: 999, min: 1_000 },
    });
    Object.assign(chain.instead, { feeBps: 51 });
    await expect(trust(purse, 10n, slow)).rejects.toMatchObject({
      reason: { code: "POT_FEE", feeBps: 51, max: 50 },
    });
    await purse.close();
  });
});

describe("the lanes of a purse", () => {
  test("a tab that is alone sees and claims what two tabs of its payee earned", async () => {
    const tabs = [await open(), await open()];
    for (const purse of tabs) await owed(purse);
    // While both are open, each looks after its own.
    expect(tabs.map((purse) => purse.balances().vouchered)).toEqual([OWED, OWED]);
    for (const purse of tabs) await purse.close();
    const one = await open();
    expect(one.balances().vouchered).toBe(2n * OWED);
    expect(await one.claim({ signal })).toEqual({ paid: 2n * OWED });
    expect(one.balances()).toEqual({
      accrued: 2n * OWED,
      vouchered: 2n * OWED,
      outstanding: 0n,
      claimed: 2n * OWED,
    });
    // What it looks after is another tab's again once nothing is left in it.
    await looks(2);
    await one.close();
    await (await open()).close();
  });

  test("a tab that opens again goes on with the lane in which most is held, whatever its number", async () => {
    for (const [poor, rich] of [
      [1, 2],
      [2, 1],
    ] as const) {
      const books = memory();
      for (const [lane, amount] of [
        [poor, OWED],
        [rich, 2n * OWED],
      ] as const) {
        const purse = await open({ lane, store: books.share() });
        await owed(purse, amount);
        await purse.close();
      }
      const again = await open({ watchtowerShare: 0, store: books.share() });
      expect(again.lane).toBe(rich);
      expect(again.balances().vouchered).toBe(3n * OWED);
      await again.close();
    }
  });

  test("a lane that leaves another share is claimed, and not worked on", async () => {
    const books = memory();
    const old = await open({ watchtowerShare: 0, store: books.share() });
    expect(Share.of(old.lane)).toBe(0);
    await owed(old);
    await old.close();
    const purse = await open({ store: books.share() });
    expect(purse.lane).not.toBe(old.lane);
    expect(Share.of(purse.lane)).toBe(5);
    expect(await purse.claim({ signal })).toEqual({ paid: OWED });
    await purse.close();
  });

  test("a voucher of a lane that is looked after beside the tab's own is taken all the same", async () => {
    const books = memory();
    const old = await open({ watchtowerShare: 0, store: books.share() });
    const potId = await owed(old);
    await old.close();
    const purse = await open({ watchtowerShare: 20, store: books.share() });
    const late = await voucherFor(potId, old.lane, 2n * OWED);
    expect(await purse.accept(late)).toEqual({ credited: OWED });
    expect(purse.balances().vouchered).toBe(2n * OWED);
    const nobodys = await voucherFor(potId, old.lane + 1, 2n * OWED);
    await expect(purse.accept(nobodys)).rejects.toMatchObject({ code: "VOUCHER_UNTRUSTED_POT" });
    await purse.close();
  });

  test("a share above 20 percent is refused before anything is written", async () => {
    const books = memory();
    await expect(open({ watchtowerShare: 21, store: books.share() })).rejects.toThrow(
      "0 to 20 whole percent, got 21",
    );
    expect(await books.list("")).toEqual([]);
  });

  test("a tab takes over from one that closes while it is open, and claims at the close", async () => {
    const staying = await open();
    const leaving = await open();
    const potId = await owed(leaving);
    await leaving.close();
    await expect.poll(() => staying.balances().vouchered).toBe(OWED);
    chain.close(potId, NOW + 900);
    await expect.poll(() => staying.balances().claimed).toBe(OWED);
    await staying.close();
  });

  test(`pots of one wei leave at most ${MOST_LANES} lanes, none that holds something, and one request looks at 125`, async () => {
    const purse = await open();
    const first = await owed(purse);
    const dust = MOST_LANES + 20;
    for (let i = 0; i < dust; i++) await owed(purse, 0n, 1n);
    const stored = await store.list("purse-lane/");
    expect(stored).toHaveLength(MOST_LANES);
    expect(stored.some(([key]) => key.endsWith(first))).toBe(true);
    expect(purse.outstanding(first)).toBe(OWED);
    expect(purse.balances()).toMatchObject({ accrued: OWED, vouchered: OWED });
    await looks(1);
    const sizes: number[] = [];
    chain.instead.snapshot = (asked, waits) => {
      sizes.push(asked.length);
      delete chain.instead.snapshot;
      const answer = chain.snapshot(asked, waits);
      return answer;
    };
    await expect.poll(() => sizes[0]).toBeGreaterThan(0);
    expect(sizes[0]).toBeLessThanOrEqual(125);
    // The worthwhile pot is in the first request, although it is the oldest.
    chain.close(first, NOW + 900);
    await expect.poll(() => purse.balances().claimed).toBe(OWED);
    await purse.close();
  });

  test(`a pot that owes for work keeps its lane, and its window, through ${MOST_LANES} pots of one wei`, async () => {
    const purse = await open();
    const owing = await owed(purse, 0n);
    await purse.accrue(owing, wei(20n), wei(10n));
    for (let i = 0; i < MOST_LANES + 5; i++) await owed(purse, 0n, 1n);
    const of = { segment: wei(10n), most: 2 };
    expect(purse.room(owing, of)).toBe(0n);
    const never = `0x${"00".repeat(32)}` as const;
    expect(purse.room(never, of)).toBe(0n);
    expect([owing, never].map(purse.checked)).toEqual([true, false]);
    await purse.close();
  });
});
