import type { Amount, Wei } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import { NOW } from "../../test/ledger.ts";
import { lane, type Paying, type PayingOptions, paying, wallet } from "../../test/paying.ts";
import { type Chain, ChainError } from "../chain/chain.ts";
import type { PotRecord } from "./pot-record.ts";
import { finishTopUp, topUp, watchTopUps } from "./top-up.ts";

/* A top-up whose fate is not known, and one that the chain undoes, over a chain in memory: what is asked, sent, told and counted. */

const { signal } = new AbortController();
const waits = { signal };
const HASH = `0x${"55".repeat(32)}` as const;
const DEPOSIT = 1_000n;
const sum = (value: bigint) => value as Amount;
const SENT = { hash: HASH, block: 1n, gas: 1n, cost: 1n as Wei, events: [] };
const failure = (code: ChainError["code"], more: object = {}) =>
  new ChainError({ code, ...more } as never, `it is ${code}`);
const asked = { from: wallet.address, at: NOW, hash: HASH, nonce: 3 };
const authorization = {
  ...{ amount: "50", validBefore: NOW + 3_600, authSalt: HASH, signerGas: "0" },
  signature: `0x${"11".repeat(65)}`,
} as const;
const deposited = ({ books }: Paying) => books.book.deposited;
const on = (pot: Paying, calls: Partial<Chain>) => Object.assign(pot.chain.instead, calls);
const open = (more: Partial<PayingOptions> = {}) => paying({ deposit: DEPOSIT, ...more });
const pending = (way: object, more: Partial<PayingOptions> = {}) =>
  open({ record: { topUp: { amount: "50", ...way } }, ...more });
/** So much more is in the pot on the chain. */
const arrive = ({ chain, config }: Paying, amount: bigint) =>
  chain.deposit(wallet, config, { amount: sum(amount), signerGas: 0n as Wei, signal });

describe("a top-up that a wallet may have sent", () => {
  const wanted = { amount: "50", asked };

  test("is not found while it is open: one look, and it is remembered", async () => {
    const pot = await pending({ asked });
    on(pot, { fate: async () => "open" });
    const code = "POT_ASKED_BEFORE";
    await expect(finishTopUp(pot.parts, wallet, waits)).rejects.toMatchObject({ code });
    expect(pot.times("look")).toEqual([0]);
    expect(pot.books.record.topUp).toEqual(wanted);
  });

  test("is given up after three looks, two seconds apart, once it can never arrive", async () => {
    const pot = await pending({ asked });
    on(pot, { fate: async () => "void" });
    expect(await finishTopUp(pot.parts, wallet, waits)).toBe(false);
    expect(pot.times("look")).toEqual([0, 2, 4]);
    expect(pot.books.record.topUp).toBeUndefined();
  });

  test.each([
    [0, [0]],
    [1, [0, 2]],
    [3, [0, 2, 4]],
  ])("is found by the look that shows it, %s s late, and no other is made", async (late, looks) => {
    const pot = await pending({ asked });
    on(pot, { fate: async () => "done" });
    if (late === 0) await arrive(pot, 50n);
    else pot.at(late, () => arrive(pot, 50n));
    expect(await finishTopUp(pot.parts, wallet, waits)).toBe(true);
    expect(pot.times("look")).toEqual(looks);
    expect(deposited(pot)).toBe(DEPOSIT + 50n);
    expect(pot.books.record.topUp).toBeUndefined();
  });
});

test("where no top-up is on its way none has arrived", async () => {
  expect(await finishTopUp((await open()).parts, wallet, waits)).toBe(false);
});

test("a top-up whose bytes are sent again has arrived, and counts", async () => {
  const pot = await pending({ raw: "0x0a" });
  on(pot, { resend: async () => SENT });
  expect(await finishTopUp(pot.parts, wallet, waits)).toBe(true);
  expect(deposited(pot)).toBe(DEPOSIT + 50n);
});

test("a top-up whose nonce was used for something else is given up, unless one of three looks finds it in the pot", async () => {
  for (const arrives of [false, true]) {
    const pot = await pending({ raw: "0x0a" });
    on(pot, { resend: () => Promise.reject(failure("CHAIN_REPLACED")) });
    if (arrives) pot.at(3, () => arrive(pot, 50n));
    expect(await finishTopUp(pot.parts, wallet, waits)).toBe(arrives);
    expect(pot.times("look")).toEqual([0, 2, 4]);
    expect(pot.books.record.topUp).toBeUndefined();
    expect(deposited(pot)).toBe(DEPOSIT + (arrives ? 50n : 0n));
  }
});

test("a top-up that cannot be sent again now is remembered", async () => {
  for (const error of [
    failure("CHAIN_NONCE"),
    failure("CHAIN_UNREACHABLE"),
    failure("CHAIN_UNCONFIRMED"),
    new Error("a mistake"),
  ]) {
    const pot = await pending({ raw: "0x0a" });
    on(pot, { resend: () => Promise.reject(error) });
    await expect(finishTopUp(pot.parts, wallet, waits)).rejects.toBe(error);
    expect(pot.books.record.topUp).toBeDefined();
    expect(pot.times("look")).toEqual([]);
  }
});

test.each([
  ["that nothing was signed for", {}, true, [0]],
  ["whose key has gone home", { authorization }, false, [0]],
  [
    "that was not signed yet",
    { authorization: { ...authorization, signature: undefined } },
    true,
    [0],
  ],
  ["that the token has noted, behind older blocks perhaps,", { authorization }, true, [0, 2, 4]],
])("a top-up %s is looked for so often", async (_, way, key, looks) => {
  const pot = await pending(way, { key });
  on(pot, { authorizationUsed: async () => true });
  expect(await finishTopUp(pot.parts, wallet, waits)).toBe(false);
  expect(pot.times("look")).toEqual(looks);
});

test("a signed top-up that is void has not arrived, and one that the token refuses is remembered", async () => {
  const pot = await pending({ authorization });
  on(pot, {
    authorizationUsed: async () => false,
    depositWithAuthorization: () =>
      Promise.reject(failure("CHAIN_REVERTED", { error: "", args: [] })),
  });
  const finishing = () => finishTopUp(pot.parts, wallet, waits);
  await expect(finishing()).rejects.toMatchObject({ code: "CHAIN_REVERTED" });
  expect(pot.books.record.topUp).toBeDefined();
  pot.chain.pass(3_600);
  expect(await finishing()).toBe(false);
  expect(pot.books.record.topUp).toBeUndefined();
});

describe("a new top-up", () => {
  const paths = { payer: wallet, gasFrom: wallet };
  const more = (pot: Paying, amount = 50n) => topUp(pot.parts, paths, sum(amount), waits);
  const refused = failure("CHAIN_REVERTED", { error: "exceeds balance", args: [] });

  test.each([
    ["that others may have seen keeps its place, though the token refuses it", true, 0],
    ["that nobody has seen makes room for another sum", false, 1],
  ])("behind a signed one %s", async (_, shown, sends) => {
    const pot = await pending({ authorization: { ...authorization, shown } });
    on(pot, { authorizationUsed: async () => false });
    // The price of bringing it cannot be told, as where the token refuses it.
    on(pot, { quote: () => Promise.reject(refused) });
    if (shown) await expect(more(pot, 70n)).rejects.toBe(refused);
    else await more(pot, 70n);
    expect(pot.times("deposit")).toHaveLength(sends);
    expect(pot.books.record.topUp !== undefined).toBe(shown);
  });

  test.each([
    ["by bytes that are replaced", { raw: "0x0a" }, failure("CHAIN_REPLACED"), false],
    [
      "by bytes that are reverted",
      { raw: "0x0a" },
      failure("CHAIN_REVERTED", { hash: HASH }),
      false,
    ],
    ["by bytes that may arrive", { raw: "0x0a" }, failure("CHAIN_UNCONFIRMED"), true],
  ] as const)("sent %s is remembered while it may arrive", async (_, { raw }, error, kept) => {
    const pot = await open();
    on(pot, {
      async deposit(...[, , { before }]: Parameters<Chain["deposit"]>) {
        await before?.(raw);
        throw error;
      },
    });
    await expect(more(pot)).rejects.toBe(error);
    expect(pot.books.record.topUp !== undefined).toBe(kept);
    // What this tab has signed is not looked for as a wallet's that was sped up.
    expect(["look", "resend"].flatMap(pot.times)).toEqual([]);
  });

  test.each([
    ["replaced", failure("CHAIN_REPLACED"), true],
    ["reverted in a block", failure("CHAIN_REVERTED", { error: "", args: [], hash: HASH }), true],
    ["refused before it is sent", refused, false],
    ["short of gas", failure("CHAIN_INSUFFICIENT"), false],
  ])("signed for others to bring, and %s, is remembered: %s", async (_, error, kept) => {
    const pot = await open();
    on(pot, {
      currency: { ...pot.chain.currency, token: `0x${"d0".repeat(20)}` },
      tokenBalance: async () => sum(50n),
      authorizing: async () => ({
        ...{ name: "USD Coin", version: "2", chainId: 31_337 },
        verifyingContract: `0x${"d0".repeat(20)}` as const,
      }),
      authorizationUsed: async () => false,
      depositWithAuthorization: () => Promise.reject(error),
    });
    await expect(more(pot)).rejects.toBe(error);
    expect(pot.books.record.topUp !== undefined).toBe(kept);
  });
});

describe("an open pot that has less than was paid in", () => {
  const A = lane(1);
  async function watching(record: Partial<PotRecord> = {}) {
    const pot = await open({ record, owed: [{ lane: A, signed: 300n }] });
    const watch = watchTopUps(pot.parts);
    /** A look that shows so much less than the books have; 300 of what is there was claimed. */
    const see = async (missing: bigint) => {
      const balance = sum(deposited(pot) - missing - 300n);
      const state = { claimed: sum(300n), ceiling: sum(0n), until: 0, version: 0 };
      const seen = { balance, reserved: sum(0n), closeAt: 0, exists: true };
      await watch({ pot: seen, states: new Map([["", state]]), lanes: [A], now: NOW }, waits);
    };
    return { ...pot, pot, see };
  }
  const lost = (missing: bigint) => ({ type: "depositLost", missing });

  test("is believed at the third look in a row, of a single wei too, and each loss anew", async () => {
    const { pot, see, news } = await watching();
    for (const missing of [1n, 1n, 0n, 1n, 1n]) await see(missing);
    expect(news).toEqual([]);
    await see(1n);
    expect(news).toEqual([lost(1n)]);
    expect(deposited(pot)).toBe(999n);
    await see(5n);
    await see(5n);
    expect(news).toHaveLength(1);
    await see(5n);
    expect(news).toEqual([lost(1n), lost(5n)]);
    expect(deposited(pot)).toBe(994n);
  });

  test("counts what comes beside it, and not what a top-up on its way brings", async () => {
    const { pot, books, see } = await watching();
    await see(-1n);
    expect(deposited(pot)).toBe(DEPOSIT + 1n);
    for (let times = 0; times < 3; times++) await see(500n);
    const { topUp: _, ...plain } = books.record;
    await books.keep(() => ({ ...plain, topUp: { amount: "300" } }));
    await see(-300n);
    expect(deposited(pot)).toBe(DEPOSIT + 1n - 500n);
    await books.keep(({ topUp: _, ...rest }) => rest);
    await see(-300n);
    expect(deposited(pot)).toBe(DEPOSIT + 1n - 200n);
  });

  test.each([
    [1, [{ type: "topUpsResent", count: 1 }]],
    [2, [{ type: "topUpsResent", count: 2 }]],
  ])("has %s of its top-ups sent again, and nothing counts as lost", async (count, told) => {
    const raws = ["0x0a", "0x0b"] as const;
    const toppedUp = raws.map((raw) => ({ amount: "5", raw }));
    const { pot, see, news } = await watching({ toppedUp });
    let gone = count;
    on(pot, {
      sent: async () => (gone-- > 0 ? undefined : SENT),
      resend: async () => SENT,
    });
    for (let times = 0; times < 3; times++) await see(5n);
    expect(news).toEqual(told);
    expect(deposited(pot)).toBe(DEPOSIT);
  });

  test("has its deposit sent again; where that can never arrive it is lost, and where a server is away that is told", async () => {
    const { pot, see, news } = await watching({ raw: "0x0a" });
    let meets: ChainError | undefined;
    on(pot, { resend: async () => (meets ? Promise.reject(meets) : SENT) });
    const thrice = async () => {
      for (let times = 0; times < 3; times++) await see(5n);
    };
    await thrice();
    expect(news).toEqual([{ type: "depositResent" }]);
    meets = failure("CHAIN_REVERTED", { error: "", args: [] });
    await thrice();
    expect(news.slice(1)).toEqual([lost(5n)]);
    meets = failure("CHAIN_UNREACHABLE");
    await expect(thrice()).rejects.toBe(meets);
    expect(deposited(pot)).toBe(DEPOSIT - 5n);
  });
});
