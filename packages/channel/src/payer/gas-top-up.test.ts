import type { Wei } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import { NOW } from "../../test/ledger.ts";
import { paying, wallet } from "../../test/paying.ts";
import { type Chain, ChainError, type Wallet } from "../chain/chain.ts";
import { sendAgain } from "./again.ts";
import type { Asked } from "./asked.ts";
import { fateOf } from "./asked.ts";
import { askedBefore, finishGasTopUp, gasToCome, topUpGas } from "./gas-top-up.ts";
import type { PotRecord } from "./pot-record.ts";

/* Money that may be on its way: what is sent again, what is waited for, and when it is given up. */

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
    ["CHAIN_NONCE", {}, false],
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

  test.each([["CHAIN_REPLACED"], ["CHAIN_NONCE"], ["CHAIN_REVERTED"]] as const)(
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

describe("what became of something that a wallet was asked for", () => {
  const fates = async (of: Asked, told: "done" | "void" | "open", seconds: number) => {
    const { chain } = await plain();
    chain.instead.fate = async () => told;
    chain.pass(seconds);
    return fateOf(chain, of, 600, { signal });
  };
  const { nonce: _, ...unknown } = asked;

  test("a chain that knows it, or its nonce, is believed", async () => {
    for (const told of ["done", "void"] as const)
      for (const of of [asked, unknown]) expect(await fates(of, told, 0)).toBe(told);
    expect(await fates(asked, "open", 2 * DAY)).toBe("open");
  });

  test("without its nonce it is given up after a day, and without its hash after the patience", async () => {
    expect(await fates(unknown, "open", DAY - 1)).toBe("open");
    expect(await fates(unknown, "open", DAY)).toBe("void");
    expect(await fates(dialog, "open", 599)).toBe("open");
    expect(await fates(dialog, "open", 600)).toBe("void");
  });
});

describe("a deposit that is sent again", () => {
  const authorization = {
    ...{ amount: "5", validBefore: NOW + 9, authSalt: HASH, signerGas: "0" },
    signature: `0x${"11".repeat(65)}`,
  } as const;

  test.each([
    ["CHAIN_REPLACED", {}, true],
    ["CHAIN_NONCE", {}, true],
    ["CHAIN_REVERTED", { hash: HASH }, true],
    ["CHAIN_REVERTED", {}, false],
    ["CHAIN_UNCONFIRMED", { hash: HASH }, false],
    ["CHAIN_UNREACHABLE", {}, false],
  ] as const)("whose bytes meet %s %j is void: %s", async (code, more, dead) => {
    const { chain, parts } = await plain();
    const error = failure(code, more);
    chain.instead.resend = () => Promise.reject(error);
    const result = sendAgain(parts, { raw: "0x0a" }, { signal });
    if (dead) expect(await result).toBe("void");
    else await expect(result).rejects.toBe(error);
  });

  test("a mistake of ours is not taken for a deposit that is void", async () => {
    const { chain, parts } = await plain();
    const error = new TypeError("a mistake");
    chain.instead.resend = () => Promise.reject(error);
    await expect(sendAgain(parts, { raw: "0x0a" }, { signal })).rejects.toBe(error);
    chain.instead.authorizationUsed = () => Promise.reject(error);
    await expect(sendAgain(parts, { authorization }, { signal })).rejects.toBe(error);
  });

  test("an authorization is void when it is late, and not because a server is away", async () => {
    const { chain, parts } = await plain();
    chain.instead.authorizationUsed = async () => false;
    chain.instead.depositWithAuthorization = () => Promise.reject(failure("CHAIN_UNREACHABLE"));
    const again = () => sendAgain(parts, { authorization }, { signal });
    await expect(again()).rejects.toMatchObject({ code: "CHAIN_UNREACHABLE" });
    chain.pass(9);
    expect(await again()).toBe("void");
  });

  test.each([
    ["open", "unknown"],
    ["done", "unknown"],
    ["void", "void"],
  ] as const)("a wallet's that is %s is %s to us", async (fate, expected) => {
    const { chain, parts } = await plain();
    chain.instead.fate = async () => fate;
    expect(await sendAgain(parts, { asked }, { signal })).toBe(expected);
  });
});
