import type { Amount } from "@tabcast/runtime";
import { privateKeyToAccount } from "viem/accounts";
import { describe, expect, test } from "vitest";
import { separator } from "./config.ts";
import type { Address, Hex, SignedVoucher } from "./types.ts";
import * as Voucher from "./voucher.ts";

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const key = privateKeyToAccount(`0x${"11".repeat(32)}`);
const other = privateKeyToAccount(`0x${"22".repeat(32)}`);
const own = separator({ chainId: 31337, contract: `0x${"ab".repeat(20)}` });
const terms: Voucher.Terms = {
  potId: `0x${"cd".repeat(32)}`,
  payee: `0x${"ef".repeat(20)}`,
  lane: 7,
  cumulative: (10n ** 18n) as Amount,
};

const parts = ({ signature }: SignedVoucher) => ({
  r: signature.slice(2, 66),
  s: BigInt(`0x${signature.slice(66, 130)}`),
  v: Number.parseInt(signature.slice(130), 16),
});
const with_ = (voucher: SignedVoucher, signature: string): SignedVoucher => ({
  ...voucher,
  signature: signature as Hex,
});
const hex = (value: bigint | number, bytes: number) => value.toString(16).padStart(2 * bytes, "0");

describe("a voucher", () => {
  test("a voucher is signed the same twice, so that a crash repeats no new bytes", async () => {
    expect(await Voucher.sign(own, key, terms)).toEqual(await Voucher.sign(own, key, terms));
  });

  test("a voucher by another key is forged, and says by whom", async () => {
    const forged = await Voucher.sign(own, other, terms);
    await expect(Voucher.verify(own, key.address, forged)).rejects.toMatchObject({
      code: "VOUCHER_FORGED",
      reason: { signer: key.address, recovered: other.address },
    });
  });

  test.each([
    ["potId", `0x${"cc".repeat(32)}`],
    ["payee", `0x${"ee".repeat(20)}`],
    ["lane", 8],
    ["cumulative", 10n ** 18n + 1n],
  ])("a voucher with another %s is forged", async (field, value) => {
    const voucher = { ...(await Voucher.sign(own, key, terms)), [field]: value };
    await expect(Voucher.verify(own, key.address, voucher)).rejects.toMatchObject({
      code: "VOUCHER_FORGED",
    });
  });

  test("a voucher of another chain or contract is forged", async () => {
    const voucher = await Voucher.sign(own, key, terms);
    for (const domain of [
      { chainId: 1, contract: `0x${"ab".repeat(20)}` as Address },
      { chainId: 31337, contract: `0x${"aa".repeat(20)}` as Address },
    ])
      await expect(Voucher.verify(separator(domain), key.address, voucher)).rejects.toMatchObject({
        code: "VOUCHER_FORGED",
      });
  });

  test("a voucher with a high s is refused, though it recovers to the signer", async () => {
    const voucher = await Voucher.sign(own, key, terms);
    const { r, s, v } = parts(voucher);
    const high = with_(voucher, `0x${r}${hex(ORDER - s, 32)}${hex(v === 27 ? 28 : 27, 1)}`);
    await expect(Voucher.verify(own, key.address, high)).rejects.toMatchObject({
      code: "VOUCHER_MALFORMED",
    });
  });

  test("a voucher with v 0 or 1 is refused, though viem would take it", async () => {
    const voucher = await Voucher.sign(own, key, terms);
    const { r, s, v } = parts(voucher);
    const low = with_(voucher, `0x${r}${hex(s, 32)}${hex(v - 27, 1)}`);
    await expect(Voucher.verify(own, key.address, low)).rejects.toMatchObject({
      code: "VOUCHER_MALFORMED",
      reason: { field: "signature" },
    });
  });

  test.each([
    ["64 bytes", `0x${"11".repeat(64)}`],
    ["66 bytes", `0x${"11".repeat(66)}`],
    ["nothing", "0x"],
    ["no hex", `0x${"zz".repeat(65)}`],
    ["zeros", `0x${"00".repeat(64)}1b`],
    ["r beyond the curve", `0x${"ff".repeat(32)}${hex(1, 32)}1b`],
  ])("a voucher with a signature of %s is malformed", async (_, signature) => {
    const voucher = { ...terms, signature: signature as Hex };
    await expect(Voucher.verify(own, key.address, voucher)).rejects.toMatchObject({
      code: "VOUCHER_MALFORMED",
    });
  });

  test.each([
    ["amount zero", { cumulative: 0n as Amount }],
    ["a negative amount", { cumulative: -1n as Amount }],
    ["an amount over 96 bits", { cumulative: (2n ** 96n) as Amount }],
    ["a fractional lane", { lane: 1.5 }],
    ["a lane over 32 bits", { lane: 2 ** 32 }],
    ["a short payee", { payee: "0x12" as Address }],
    ["a short pot id", { potId: "0x12" as Hex }],
  ])("a voucher with %s is never signed", async (_, change) => {
    await expect(Voucher.sign(own, key, { ...terms, ...change })).rejects.toMatchObject({
      code: "VOUCHER_MALFORMED",
    });
  });
});
