import { readFileSync } from "node:fs";
import { Amount, CodedError } from "@tabcast/runtime";
import { ofCurrency } from "@tabcast/tab/money";
import { expect, test } from "vitest";
import { byCode, moneyWords } from "./money-words.ts";
import { inEther } from "./unit.ts";
import { words } from "./words.ts";

const coded = (reason: { code: string; [field: string]: unknown }, cause?: unknown) =>
  new CodedError(reason, "0xdeadbeef", { cause });
const reverted = (error: string) => coded({ code: "CHAIN_REVERTED", error, args: [] });
const numbered = (code: number) => Object.assign(new Error("0x08c379a0"), { code });

const table: readonly (readonly [what: string, thrown: unknown, title: RegExp])[] = [
  ["rejected, as the chain port says it", coded({ code: "CHAIN_REJECTED" }), /declined/],
  ["rejected, by number", numbered(4001), /declined/],
  ["rejected, as a plain object", { code: 4001, message: "no" }, /declined/],
  ["rejected, wrapped", new Error("x", { cause: numbered(4001) }), /declined/],
  ["rejected, by text alone", new Error("User denied transaction signature"), /declined/],
  ["not allowed", numbered(4100), /does not let/],
  ["not able", numbered(4200), /cannot do/],
  ["disconnected", numbered(4900), /no longer connected/],
  ["a network unknown to the wallet", numbered(4902), /another network/],
  ["wrong network", coded({ code: "CHAIN_WRONG_ID", expected: 1, got: 2 }), /another network/],
  ["a question is open", numbered(-32002), /still waits/],
  ["a busy server", numbered(-32005), /does not answer/],
  ["insufficient, by text", new Error("insufficient funds for gas * price"), /Not enough/],
  ["replaced", new Error("replacement transaction underpriced"), /took this one's place/],
  ["unreachable", coded({ code: "CHAIN_UNREACHABLE", rpc: "x" }), /does not answer/],
  ["unreachable, by text", new TypeError("Failed to fetch"), /does not answer/],
  ["unconfirmed", coded({ code: "CHAIN_UNCONFIRMED", hash: "0x", seconds: 1 }), /not in a block/],
  ["no contract", coded({ code: "CHAIN_NO_CONTRACT", contract: "0x" }), /no pot contract/],
  ["unknown revert", reverted("0x12345678"), /did not do it/],
  ["failed", coded({ code: "CHAIN_FAILED" }), /did not do it/],
  [
    "replaced, as the chain port says it",
    coded({ code: "CHAIN_REPLACED" }),
    /took this one's place/,
  ],
  ["an account in use elsewhere", coded({ code: "CHAIN_NONCE" }), /Another program/],
  ["too low a fee", coded({ code: "CHAIN_UNDERPRICED" }), /higher fee/],
  ["too high a fee", coded({ code: "CHAIN_GAS_HIGH" }), /Fees are too high/],
  ["another tab", coded({ code: "STORE_LOCKED", name: "pot/0x" }), /Another tab/],
  ["no wallet", coded({ code: "PURSE_NO_ACCOUNT", payee: "0x" }), /only the address/],
  ["never opened", coded({ code: "POT_NOT_OPENED", potId: "0x" }), /never reached/],
  ["empty", coded({ code: "POT_EMPTY", need: 1n, free: 0n }), /pot is empty/],
];

test.each(table)("%s is said in words and without hex", (_, thrown, title) => {
  const said = moneyWords(thrown);
  expect(said?.title).toMatch(title);
  expect(`${said?.title} ${said?.advice}`).not.toMatch(/0x/);
  expect(words(thrown, "wallet")).toEqual(said);
});

/** The codes that docs/errors.md, which is made from the sources, lists for one package. */
function codesOf(folder: string): readonly string[] {
  const book = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");
  return book
    .split(/^## /m)
    .filter((part) => part.includes(`](../${folder}/`))
    .flatMap((part) => [...part.matchAll(/^\| `([A-Z_]+)`/gm)].map(([, code]) => code as string));
}
const codes = codesOf("packages/channel");

test("the book of errors names the codes of the channel", () => {
  expect(codes.length).toBeGreaterThan(40);
  expect(codes).toContain("VOUCHER_DUST");
  expect(codes).toContain("CHAIN_REPLACED");
});

test.each(codes)("%s has words of its own, with something to do next", (code) => {
  const said = byCode[code];
  expect(said, `${code} has no words in money-words.ts`).toBeDefined();
  expect(`${said?.title} ${said?.advice}`).not.toMatch(
    /0x|[A-Z]+_[A-Z]+|\b(gwei|wei|lane|voucher)\b/,
  );
  expect(said?.title).not.toMatch(/[.!]$/);
  expect(said?.advice).toMatch(/^[A-Z].*\.$/);
});

test("no words stand for a code that nothing throws", () => {
  const idle = Object.keys(byCode).filter((code) => !codes.includes(code));
  expect(idle).toEqual([]);
});

/** The contract's constructor alone throws these. */
const atDeployment = ["InvalidShortString", "StringTooLong"];
const generated = readFileSync(
  new URL("../../../packages/contracts/src/generated.ts", import.meta.url),
  "utf8",
);
const reverts = [...generated.matchAll(/type: "error",\s*name: "(\w+)"/g)]
  .map(([, name]) => name as string)
  .filter((name) => !atDeployment.includes(name));

test("the contract's errors are found in its ABI", () => {
  expect(reverts.length).toBeGreaterThan(20);
  expect(reverts).toContain("ZeroAmount");
});

test.each(reverts)("the contract's %s has words of its own", (error) => {
  const said = moneyWords(reverted(error));
  expect(said).not.toEqual(moneyWords(reverted("Unheard")));
  expect(said?.title).not.toContain(error);
});

test("what is missing is said in the coin", () => {
  const error = coded({
    code: "CHAIN_INSUFFICIENT",
    have: Amount.of(10n ** 16n),
    need: Amount.of(5n * 10n ** 16n),
  });
  expect(moneyWords(error)?.advice).toContain("It has 0.01 ETH, and 0.05 ETH is needed");
});

test("what is missing is said in dollars for a token, and in the coin for gas", () => {
  const token = `0x${"1a".repeat(20)}` as const;
  const currency = { token, symbol: "USDC", decimals: 6, dollars: true, perCoin: "3000000000" };
  const money = { ...inEther, pay: ofCurrency(currency), currency };
  const [have, need] = [Amount.of(2_000_000n), Amount.of(5_000_000n)];
  const pay = moneyWords(coded({ code: "CHAIN_TOKEN_SHORT", have, need, token }), money);
  expect(pay?.advice).toBe(
    "It has $2.00, and $5.00 is needed. Choose a smaller amount or add money.",
  );
  const [held, fee] = [Amount.of(10n ** 12n), Amount.of(10n ** 15n)];
  const gas = moneyWords(coded({ code: "CHAIN_INSUFFICIENT", have: held, need: fee }), money);
  expect(gas?.title).toBe("Not enough for gas in the wallet");
  expect(gas?.advice).toContain("It has 0.000001 ETH, and up to 0.001 ETH is needed for gas.");
  expect(gas?.advice).not.toContain("$");
});

test("errors of other kinds are left to others", () => {
  expect(moneyWords(new DOMException("denied", "NotAllowedError"))).toBeUndefined();
  expect(moneyWords(undefined)).toBeUndefined();
});
