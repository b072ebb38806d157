import { describe, expect, test } from "vitest";
import { NOW } from "../../test/ledger.ts";
import { paying, wallet } from "../../test/paying.ts";
import { ChainError } from "../chain/chain.ts";
import { sendAgain } from "./again.ts";
import { type Asked, fateOf } from "./asked.ts";

/* What paid into a pot once: whether it can still arrive, and whether it is sent again. */

const { signal } = new AbortController();
const HASH = `0x${"55".repeat(32)}` as const;
const DAY = 86_400;
const failure = (code: ChainError["code"], more: object = {}) =>
  new ChainError({ code, ...more } as never, `it is ${code}`);
const asked: Asked = { from: wallet.address, at: NOW, hash: HASH, nonce: 3 };
const dialog: Asked = { from: wallet.address, at: NOW };
const plain = () => paying({ deposit: 1n });

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
    ["CHAIN_NONCE", {}, false],
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
