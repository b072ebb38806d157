import { type Amount, secureRandom, type Wei } from "@tabcast/runtime";
import { privateKeyToAccount } from "viem/accounts";
import { describe, expect, test } from "vitest";
import { NOW } from "../../test/ledger.ts";
import { DOLLARS } from "../../test/memory-chain.ts";
import { paying, wallet } from "../../test/paying.ts";
import { type Chain, ChainError, type Wallet } from "../chain/chain.ts";
import type { Authorization } from "./authorization.ts";
import { bring, type FundOptions, finishGas, fund, isUnsent, type Way } from "./fund.ts";

/* Each step of a deposit on its way: what is asked, what is stored before it, and what is sent. */

const { signal } = new AbortController();
const AMOUNT = 500n as Amount;
const HASH = `0x${"55".repeat(32)}` as const;
const SENT = { hash: HASH, block: 1n, gas: 1n, cost: 1n as Wei, events: [] };
const purse = privateKeyToAccount(`0x${"44".repeat(32)}`);
const token = {
  ...{ name: "USD Coin", version: "2", chainId: 31_337 },
  verifyingContract: DOLLARS.token,
} as const;
const failure = (code: ChainError["code"], more: object = {}) =>
  new ChainError({ code, ...more } as never, `it is ${code}`);

/** A payer of dollars on a chain where every step is noted: what is asked, and what is stored, in turn. */
async function scene(allowed = 0n) {
  const pot = await paying({ deposit: 1n, deposited: false });
  const steps: string[] = [];
  const stored: Way[] = [];
  Object.assign(pot.chain.instead, {
    currency: DOLLARS,
    tokenBalance: async () => AMOUNT,
    authorizing: async () => token,
    authorizationUsed: async () => false,
    allowance: async () => allowed as Amount,
    async approve(_, amount) {
      steps.push(`approve ${amount}`);
      return SENT;
    },
    async deposit(...[, , { amount }]: Parameters<Chain["deposit"]>) {
      steps.push(`deposit ${amount}`);
      return SENT;
    },
    async sendCoins(_, to, { amount, before }) {
      await before?.("0x0a");
      steps.push(`gas ${amount}`);
      const { coins } = pot.chain;
      coins.set(to, (coins.get(to) ?? 0n) + amount);
      return SENT;
    },
    async depositWithAuthorization() {
      steps.push("bring");
      return SENT;
    },
    quote: async () => ({ gas: 1n, cost: 100n as Wei }),
  } satisfies Partial<Chain>);
  pot.chain.coins.set(pot.key.address, 0n);
  const options: FundOptions = {
    ...{ chain: pot.chain, config: pot.config, payer: wallet, key: pot.key, gasFrom: purse },
    ...{ amount: AMOUNT, signerGas: 70n as Wei, random: secureRandom, signal },
    async keep(way) {
      stored.push(way);
      steps.push("store");
    },
  };
  return { ...pot, options, steps, stored };
}

describe("a deposit in a token", () => {
  test("that is signed is stored as it is meant, signed, with its gas, and as shown, before each step", async () => {
    const { options, steps, stored } = await scene();
    await fund(options);
    // 100 to bring it, and 70 for the key.
    expect(steps).toEqual(["store", "store", "store", "gas 170", "store", "bring"]);
    const [meant, signed, gas, shown] = stored.map(({ authorization }) => authorization);
    expect(meant).toMatchObject({ amount: "500", validBefore: NOW + 3_600, signerGas: "70" });
    expect(meant?.authSalt).toMatch(/^0x[0-9a-f]{64}$/);
    expect([meant?.signature, meant?.shown]).toEqual([undefined, undefined]);
    expect(signed).toMatchObject({ ...meant, shown: false });
    expect(gas).toEqual({ ...signed, gasRaw: "0x0a" });
    expect(shown).toEqual({ ...gas, shown: true });
  });

  test("an account with the last part of it pays, and with one less is told before anything is asked", async () => {
    const { options, steps, chain } = await scene();
    chain.instead.tokenBalance = async () => (AMOUNT - 1n) as Amount;
    await expect(fund(options)).rejects.toMatchObject({ code: "CHAIN_TOKEN_SHORT" });
    expect(steps).toEqual([]);
    chain.instead.tokenBalance = async () => AMOUNT;
    expect(await fund(options)).toBe(SENT);
  });

  test.each([
    ["nothing", 0n, ["approve 500", "deposit 500"]],
    ["a part", 1n, ["approve 0", "approve 500", "deposit 500"]],
    ["one part less", 499n, ["approve 0", "approve 500", "deposit 500"]],
    ["all of it", 500n, ["deposit 500"]],
    ["more", 501n, ["deposit 500"]],
  ])(
    "without EIP-3009, where %s is allowed already, exactly the deposit is allowed once",
    async (_, allowed, expected) => {
      const { options, steps, chain } = await scene(allowed);
      chain.instead.authorizing = async () => undefined;
      await fund(options);
      expect(steps).toEqual(expected);
    },
  );

  test("without a session key the wallet allows it and deposits, and signs nothing for others", async () => {
    const { options, steps } = await scene();
    await fund({ ...options, key: undefined });
    expect(steps).toEqual(["approve 500", "deposit 500"]);
  });
});

test("a deposit in coins asks no token", async () => {
  const { options, steps, chain } = await scene();
  delete (chain.instead as { currency?: unknown }).currency;
  chain.instead.tokenBalance = async () => 0n as Amount;
  await fund(options);
  expect(steps).toEqual(["deposit 500"]);
});

test("what a wallet answers when nobody waits any more is not stored: the books may be another tab's", async () => {
  const asked: Wallet = { address: wallet.address, provider: { request: async () => HASH } };
  for (const gone of [false, true]) {
    const { options, stored, chain } = await scene();
    delete (chain.instead as { currency?: unknown }).currency;
    const own = new AbortController();
    chain.instead.deposit = async (...[, , { sentAs }]: Parameters<Chain["deposit"]>) => {
      if (gone) own.abort();
      await sentAs?.({ from: wallet.address, hash: HASH, nonce: 7 });
      return SENT;
    };
    await fund({ ...options, payer: asked, signal: own.signal });
    const at = { from: wallet.address, at: NOW };
    const answer = { asked: { ...at, hash: HASH, nonce: 7 } };
    expect(stored).toEqual([{ asked: at }, ...(gone ? [] : [answer])]);
  }
});

const ready: Authorization = {
  ...{ amount: "500", validBefore: NOW + 3_600, authSalt: `0x${"01".repeat(32)}` },
  ...{ signature: `0x${"11".repeat(65)}`, signerGas: "70", shown: true },
};

describe("a signed deposit that is brought", () => {
  async function bringing(more: Partial<Authorization> = {}, keepsBack = 0n) {
    const made = await scene();
    const { options, key } = made;
    const go = () => bring({ ...ready, ...more }, { ...options, key, keepsBack: keepsBack as Wei });
    return { ...made, go };
  }

  test("in its last second it is brought, and in the next it is void", async () => {
    const { go, steps, chain } = await bringing();
    chain.pass(3_599);
    await go();
    expect(steps.at(-1)).toBe("bring");
    chain.pass(1);
    await expect(go()).rejects.toMatchObject({ code: "CHAIN_TOKEN_LATE" });
  });

  test("what was shown already, or may have been, is stored no second time", async () => {
    for (const more of [{ shown: true }, { shown: undefined }] as Partial<Authorization>[]) {
      const { go, steps, chain, key } = await bringing(more);
      chain.coins.set(key.address, 100n);
      await go();
      expect(steps).toEqual(["bring"]);
    }
  });

  test.each([
    [0n, 0n, "gas 170"],
    [30n, 0n, "gas 140"],
    [99n, 0n, "gas 71"],
    [100n, 0n, undefined],
    [100n, 40n, "gas 110"],
    [139n, 40n, "gas 71"],
    [140n, 40n, undefined],
  ])("a key with %s wei that costs 100 and keeps back %s is sent: %s", async (have, back, sent) => {
    const { go, steps, chain, key } = await bringing({}, back);
    chain.coins.set(key.address, have);
    await go();
    expect(steps).toEqual([...(sent ? ["store", sent] : []), "bring"]);
  });

  test("gas of an earlier life that is just enough is sent again, and no more", async () => {
    const { go, steps, chain, key } = await bringing({ gasRaw: "0x0b" });
    chain.instead.resend = async (raw) => {
      steps.push(`resend ${raw}`);
      chain.coins.set(key.address, 100n);
      return SENT;
    };
    await go();
    expect(steps).toEqual(["resend 0x0b", "bring"]);
  });

  test("a key that has just enough has no gas of an earlier life sent to it", async () => {
    const { go, steps, chain, key } = await bringing({ gasRaw: "0x0b" });
    chain.coins.set(key.address, 100n);
    chain.instead.resend = () => Promise.reject(failure("CHAIN_UNREACHABLE"));
    await go();
    expect(steps).toEqual(["bring"]);
  });

  test("where nobody pays the gas none is sent", async () => {
    const { options, key, steps } = await scene();
    await bring(ready, { ...options, key, gasFrom: undefined });
    expect(steps).toEqual(["bring"]);
  });

  test("refused by the token, it is there if the token has noted it by then; another failure is told", async () => {
    const { go, chain } = await bringing();
    let error = failure("CHAIN_REVERTED", { error: "used", args: [] });
    chain.instead.depositWithAuthorization = async () => {
      chain.instead.authorizationUsed = async () => true;
      throw error;
    };
    expect(await go()).toBeUndefined();
    error = failure("CHAIN_UNREACHABLE");
    chain.instead.authorizationUsed = async () => false;
    await expect(go()).rejects.toBe(error);
    chain.instead.authorizationUsed = async () => false;
    chain.instead.depositWithAuthorization = async () => {
      throw failure("CHAIN_REVERTED", { error: "refused", args: [] });
    };
    await expect(go()).rejects.toMatchObject({ code: "CHAIN_REVERTED" });
  });

  test("while gas of a browser's wallet may arrive it is not asked for again, and its age is told", async () => {
    const gasAsked = { from: purse.address, at: NOW, hash: HASH, nonce: 1 };
    const { go, steps, chain } = await bringing({ gasAsked });
    chain.instead.fate = async () => "open";
    chain.pass(12);
    await expect(go()).rejects.toMatchObject({
      reason: { code: "CHAIN_UNCONFIRMED", hash: HASH, seconds: 12 },
    });
    expect(steps).toEqual([]);
    chain.instead.fate = async () => "void";
    await go();
    expect(steps).toEqual(["store", "gas 170", "bring"]);
  });
});

test.each([
  ["CHAIN_REJECTED", {}, true],
  ["CHAIN_INSUFFICIENT", {}, true],
  ["CHAIN_REVERTED", {}, true],
  ["CHAIN_REVERTED", { hash: HASH }, false],
  ["CHAIN_UNCONFIRMED", { hash: HASH }, false],
  ["CHAIN_UNREACHABLE", {}, false],
] as const)("a wallet whose answer is %s with %j has sent nothing: %s", (code, more, unsent) => {
  expect(isUnsent(failure(code, more))).toBe(unsent);
  expect(isUnsent(new Error("a mistake"))).toBe(false);
});

test("gas that can never arrive is over, and any other failure to send it again is told", async () => {
  const { chain } = await scene();
  const given = { ...ready, gasRaw: "0x0b" } as const;
  for (const code of ["CHAIN_REPLACED", "CHAIN_REVERTED"] as const) {
    chain.instead.resend = () => Promise.reject(failure(code));
    expect(await finishGas(given, chain, { signal })).toBeUndefined();
  }
  for (const error of [
    failure("CHAIN_NONCE"),
    failure("CHAIN_UNREACHABLE"),
    new Error("a mistake"),
  ]) {
    chain.instead.resend = () => Promise.reject(error);
    await expect(finishGas(given, chain, { signal })).rejects.toBe(error);
  }
});
