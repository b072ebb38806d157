import type { Amount } from "@tabcast/runtime";
import fc from "fast-check";
import { privateKeyToAccount } from "viem/accounts";
import { expect, test } from "vitest";
import { replay } from "../test/replay.ts";
import { PotError, separator } from "./config.ts";
import type { Hex } from "./types.ts";
import * as Voucher from "./voucher.ts";
import * as Wire from "./wire.ts";

const key = privateKeyToAccount(`0x${"11".repeat(32)}`);
const own = separator({ chainId: 31337, contract: `0x${"ab".repeat(20)}` });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const hexOf = (data: Uint8Array) => `0x${Buffer.from(data).toString("hex")}` as Hex;

const anyTerms = fc.record({
  potId: bytes(32).map(hexOf),
  payee: bytes(20).map((data) => Wire.toAddress(data)),
  lane: fc.integer({ min: 0, max: 0xffffffff }),
  cumulative: fc.bigInt({ min: 1n, max: Voucher.MAX_AMOUNT }).map((n) => n as Amount),
});

test(`what we sign verifies, and crosses the wire unchanged (SEED=${replay.seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(anyTerms, async (terms) => {
      const voucher = await Voucher.sign(own, key, terms);
      await Voucher.verify(own, key.address, voucher);
      expect(Wire.toVoucher(Wire.fromVoucher(voucher), terms.payee)).toEqual(voucher);
    }),
    { ...replay, numRuns: Math.min(replay.numRuns, 100) },
  );
});

test(`one flipped bit anywhere is refused (SEED=${replay.seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(anyTerms, fc.nat({ max: (32 + 64 + 1) * 8 - 1 }), async (terms, bit) => {
      const wire = Wire.fromVoucher(await Voucher.sign(own, key, terms));
      const fields = [wire.pot, wire.signature, wire.cumulative];
      let at = bit >> 3;
      for (const field of fields) {
        if (at < field.length) {
          field[at] = (field[at] ?? 0) ^ (1 << (bit & 7));
          break;
        }
        at -= field.length;
      }
      const flipped = Wire.toVoucher(wire, terms.payee);
      await expect(Voucher.verify(own, key.address, flipped)).rejects.toBeInstanceOf(
        Voucher.VoucherError,
      );
    }),
    { ...replay, numRuns: Math.min(replay.numRuns, 100) },
  );
});

test(`rubbish off the wire is refused, never a crash (SEED=${replay.seed})`, async () => {
  const some = fc.uint8Array({ maxLength: 70 });
  const anyVoucher = fc.record({
    pot: some,
    lane: fc.oneof(fc.integer(), fc.double()),
    cumulative: some,
    signature: some,
  });
  fc.assert(
    fc.property(anyVoucher, (wire) => {
      try {
        Wire.toVoucher(wire, `0x${"cd".repeat(20)}`);
      } catch (error) {
        expect(error).toBeInstanceOf(Voucher.VoucherError);
      }
    }),
    replay,
  );
  const anyPot = fc.record({
    chainId: fc.oneof(fc.integer(), fc.double()),
    contract: some,
    payer: some,
    signer: some,
    token: some,
    challengeS: fc.oneof(fc.integer(), fc.double()),
    salt: some,
  });
  fc.assert(
    fc.property(anyPot, (wire) => {
      try {
        Wire.toPot(wire);
      } catch (error) {
        expect(error).toBeInstanceOf(PotError);
      }
    }),
    replay,
  );
});

test(`a pot crosses the wire unchanged (SEED=${replay.seed})`, () => {
  const anyAddress = bytes(20).map((data) => Wire.toAddress(data));
  fc.assert(
    fc.property(
      fc.record({ chainId: fc.integer({ min: 1 }), contract: anyAddress }),
      fc.record({
        payer: anyAddress,
        signer: anyAddress,
        token: anyAddress,
        challengePeriod: fc.integer({ min: 0, max: 2 ** 31 }),
        salt: bytes(32).map(hexOf),
      }),
      (domain, config) => {
        expect(Wire.toPot(Wire.fromPot(domain, config))).toEqual({ domain, config });
      },
    ),
    replay,
  );
});
