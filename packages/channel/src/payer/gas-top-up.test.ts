import type { Wei } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import { NOW } from "../../test/ledger.ts";
import { paying, wallet } from "../../test/paying.ts";
import { type Chain, ChainError, type Wallet } from "../chain/chain.ts";
import type { Asked } from "./asked.ts";
import { askedBefore, finishGasTopUp, gasToCome, topUpGas } from "./gas-top-up.ts";
import type { PotRecord } from "./pot-record.ts";

/* Gas that may be on its way: what is sent again, what is waited for, and when it is given up. */

const { signal } = new AbortController();
const GAS = 70n as Wei;
const HASH = `0x${"55".repeat(32)}` as const;
const DAY = 86_400;
const SENT = { hash: HASH, block: 1n, gas: 1n, cost: 1n as Wei, events: [] };
const failure = (code: ChainError["code"], more: object = {}) =>
  new ChainError({ code, ...more } as never, `it is ${code}`);
const browser: Wallet = { address: wallet.address, provider: { request: async () => HASH } };
const asked: Asked = { from: wallet.address, at: NOW, hash: HASH, nonce: 3 };
const dialog: Asked = { from: wallet.address, at: NOW };
const pending = (way: NonNullable<PotRecord["gasTopUp"]> | object) =>
  paying({ deposit: 1n, record: { gasTopUp: { amount: `${GAS}`, ...way } } });
const plain = () => paying({ deposit: 1n });

describe("gas for the session key of an open pot", () => {
  test("is stored before it is sent, and forgotten when it has arrived", async () => {
    const { chain, parts, books } = await plain();
    const seen: unknown[] = [];
    chain.instead.sendCoins = async (
      ...[, to, { amount, before }]: Parameters<Chain["sendCoins"]>
    ) => {
      await before?.("0x0a");
      seen.push(to, amount, books.record.gasTopUp);
      return SENT;
    };
    await topUpGas(parts, wallet, GAS, { signal });
    expect(seen).toEqual([books.config.signer, GAS, { amount: "70", raw: "0x0a" }]);
    expect(books.record.gasTopUp).toBeUndefined();
  });

  test.each([false, true])(
    "what a wallet answers is stored unless nobody waits any more: %s",
    async (gone) => {
      const { chain, parts, books } = await plain();
      const own = new AbortController();
      chain.instead.sendCoins = async (...[, , { sentAs }]: Parameters<Chain["sendCoins"]>) => {
        if (gone) own.abort();
        await sentAs?.({ from: wallet.address, hash: HASH, nonce: 3 });
        throw failure("CHAIN_UNCONFIRMED", { hash: HASH, seconds: 1 });
      };
      await expect(topUpGas(parts, browser, GAS, { signal: own.signal })).rejects.toThrow();
      const stored = gone ? { from: wallet.address, at: NOW } : asked;
      expect(books.record.gasTopUp).toEqual({ amount: "70", asked: stored });
    },
  );

  test.each([
    ["CHAIN_REJECTED", {}, false],
    ["CHAIN_REPLACED", {}, false],
    ["CHAIN_NONCE", {}, true],
    ["CHAIN_REVERTED", { hash: HASH }, false],
    ["CHAIN_UNCONFIRMED", { hash: HASH }, true],
    ["CHAIN_UNREACHABLE", {}, true],
  ] as const)("that fails with %s %j is remembered: %s", async (code, more, kept) => {
    const { chain, parts, books } = await plain();
    chain.instead.sendCoins = async (...[, , { before }]: Parameters<Chain["sendCoins"]>) => {
      await before?.("0x0a");
      throw failure(code, more);
    };
    await expect(topUpGas(parts, wallet, GAS, { signal })).rejects.toMatchObject({ code });
    expect(books.record.gasTopUp !== undefined).toBe(kept);
  });

  test.each([
    ["of the same sum has arrived: it is sent no second time", GAS, true, 0],
    ["of another sum has arrived", 71n as Wei, true, 1],
    ["can never arrive", GAS, false, 1],
  ])("an earlier one %s", async (_, sum, arrives, sends) => {
    const { chain, parts } = await pending({ raw: "0x0a" });
    chain.instead.resend = async () => {
      if (!arrives) throw failure("CHAIN_REPLACED");
      return SENT;
    };
    let count = 0;
    chain.instead.sendCoins = async () => {
      count++;
      return SENT;
    };
    await topUpGas(parts, wallet, sum, { signal });
    expect(count).toBe(sends);
  });
});

describe("an interrupted transfer of gas", () => {
  const finish = async (way: object, change: (pot: Awaited<ReturnType<typeof plain>>) => void) => {
    const pot = await pending(way);
    change(pot);
    const result = await finishGasTopUp(pot.parts, { signal }).catch((error: unknown) => error);
    return [result, pot.books.record.gasTopUp !== undefined];
  };

  test("there is none: nothing has arrived", async () => {
    const { parts } = await plain();
    expect(await finishGasTopUp(parts, { signal })).toBe(false);
  });

  test.each([["CHAIN_REPLACED"], ["CHAIN_REVERTED"]] as const)(
    "that meets %s will never arrive, and is forgotten",
    async (code) => {
      const resend = () => Promise.reject(failure(code));
      expect(
        await finish({ raw: "0x0a" }, ({ chain }) => Object.assign(chain.instead, { resend })),
      ).toEqual([false, false]);
    },
  );

  test("that cannot be sent again now is told, and remembered", async () => {
    for (const error of [failure("CHAIN_UNREACHABLE"), new Error("a mistake")]) {
      const resend = () => Promise.reject(error);
      expect(
        await finish({ raw: "0x0a" }, ({ chain }) => Object.assign(chain.instead, { resend })),
      ).toEqual([error, true]);
    }
  });

  test("that was neither signed nor asked for has not arrived", async () => {
    expect(await finish({}, () => {})).toEqual([false, false]);
  });

  test.each([
    ["done", true, false],
    ["void", false, false],
  ] as const)("of a wallet that is %s has arrived: %s", async (fate, arrived, kept) => {
    const change = ({ chain }: Awaited<ReturnType<typeof plain>>) =>
      Object.assign(chain.instead, { fate: async () => fate });
    expect(await finish({ asked }, change)).toEqual([arrived, kept]);
  });

  test("whose dialog nobody answered is waited for ten minutes, and its key is needed for a day", async () => {
    const after = (seconds: number) =>
      finish({ asked: dialog }, ({ chain }) => chain.pass(seconds));
    expect(await after(599)).toMatchObject([{ code: "POT_ASKED_BEFORE" }, true]);
    expect(await after(600)).toEqual([false, true]);
    expect(await after(DAY - 1)).toEqual([false, true]);
    expect(await after(DAY)).toEqual([false, false]);
  });
});

test("what was asked for before is told with its hash, where there is one", () => {
  const [sent, open] = [askedBefore(asked), askedBefore(dialog)];
  expect(sent.reason).toEqual({ code: "POT_ASKED_BEFORE", hash: HASH });
  expect(sent.message).toContain(HASH);
  expect(open.reason).toEqual({ code: "POT_ASKED_BEFORE" });
  expect(open.message).toContain("has not answered");
});

describe("gas that is to come before the key goes", () => {
  const unconfirmed = failure("CHAIN_UNCONFIRMED", { hash: HASH, seconds: 1 });
  test.each([
    ["is on its way", unconfirmed, "returned"],
    ["cannot be asked for", failure("CHAIN_UNREACHABLE"), "thrown"],
    ["meets a mistake", new Error("a mistake"), "thrown"],
  ])("what was signed here and %s is %s", async (_, error, how) => {
    const { chain, parts } = await pending({ raw: "0x0a" });
    chain.instead.resend = () => Promise.reject(error);
    const result = gasToCome(parts, { signal });
    if (how === "returned") expect(await result).toBe(error);
    else await expect(result).rejects.toBe(error);
  });

  test("a wallet's that may arrive keeps the key, for a deposit or a top-up alike, and one that cannot does not", async () => {
    const base = { amount: "1", validBefore: NOW, authSalt: HASH, signerGas: "0" } as const;
    const authorization = { ...base, gasAsked: asked };
    const records: Partial<PotRecord>[] = [
      { gasTopUp: { amount: "1", asked } },
      { authorization },
      { topUp: { amount: "1", authorization } },
      { toppedUp: [{ amount: "1" }, { amount: "1", authorization }] },
    ];
    for (const record of records) {
      const { chain, parts } = await paying({ deposit: 1n, record });
      chain.instead.fate = async () => "open";
      expect(await gasToCome(parts, { signal })).toMatchObject({ code: "POT_ASKED_BEFORE" });
      chain.instead.fate = async () => "void";
      expect(await gasToCome(parts, { signal })).toBeUndefined();
    }
  });
});
