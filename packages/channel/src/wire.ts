import { fromHex, type Wei } from "@tabcast/runtime";
import { bytesToBigInt, bytesToHex, getAddress, numberToBytes } from "viem";
import { PotError } from "./config.ts";
import type { Address, Domain, PotConfig, SignedVoucher } from "./types.ts";
import { isLane, VoucherError } from "./voucher.ts";

/** `Voucher` of tabcast.proto, as any codec gives it: at most 120 bytes there. Its payee is the one of the award it comes with. */
export interface WireVoucher {
  /** 32 bytes. */
  readonly pot: Uint8Array;
  readonly lane: number;
  /** Wei, 1 to 12 bytes, big endian. */
  readonly cumulative: Uint8Array;
  /** 64 bytes: r, then s with the parity in its highest bit (EIP-2098). */
  readonly signature: Uint8Array;
}

/** `Pot` of tabcast.proto, as any codec gives it. */
export interface WirePot {
  readonly chainId: number;
  /** 20 bytes, as the next three. */
  readonly contract: Uint8Array;
  readonly payer: Uint8Array;
  readonly signer: Uint8Array;
  readonly token: Uint8Array;
  /** Seconds. */
  readonly challengeS: number;
  /** 32 bytes. */
  readonly salt: Uint8Array;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** An address off the wire, with its checksum in capitals. Throws RangeError unless it is 20 bytes. */
export function toAddress(bytes: Uint8Array): Address {
  if (bytes.byteLength !== 20)
    throw new RangeError(`an address is 20 bytes, got ${bytes.byteLength}`);
  return getAddress(bytesToHex(bytes));
}

/** An address ready for the wire: 20 bytes. */
export function fromAddress(address: Address): Bytes {
  return fromHex(address);
}

/** A voucher ready for the wire. */
export function fromVoucher(voucher: SignedVoucher): {
  pot: Bytes;
  lane: number;
  cumulative: Bytes;
  signature: Bytes;
} {
  const whole = fromHex(voucher.signature);
  const signature = whole.slice(0, 64);
  if (whole[64] === 28) signature[S] = (signature[S] ?? 0) | PARITY;
  return {
    pot: fromHex(voucher.potId),
    lane: voucher.lane,
    cumulative: Uint8Array.from(numberToBytes(voucher.cumulative)),
    signature,
  };
}

/** Where s begins in a signature, and the bit of its first byte that a low s leaves free. */
const S = 32;
const PARITY = 0x80;

/** A voucher off the wire for `payee`; lengths are checked, nothing else. Throws VOUCHER_MALFORMED. */
export function toVoucher(wire: WireVoucher, payee: Address): SignedVoucher {
  const lengths = { pot: [32, 32], cumulative: [1, 12], signature: [64, 64] } as const;
  for (const [field, [least, most]] of Object.entries(lengths)) {
    const bytes = wire[field as keyof typeof lengths];
    if (bytes === undefined || bytes.byteLength < least || bytes.byteLength > most)
      throw new VoucherError(
        { code: "VOUCHER_MALFORMED", field },
        `the voucher's ${field} is ${bytes?.byteLength} bytes, not ${least === most ? most : `${least} to ${most}`}`,
      );
  }
  if (!isLane(wire.lane))
    throw new VoucherError(
      { code: "VOUCHER_MALFORMED", field: "lane" },
      `the voucher's lane is ${wire.lane}, not a 32-bit number`,
    );
  const signature = new Uint8Array(65);
  signature.set(wire.signature);
  const top = signature[S] ?? 0;
  signature[S] = top & ~PARITY;
  signature[64] = (top & PARITY) === 0 ? 27 : 28;
  return {
    potId: bytesToHex(wire.pot),
    payee,
    lane: wire.lane,
    cumulative: bytesToBigInt(wire.cumulative) as Wei,
    signature: bytesToHex(signature),
  };
}

/** A pot ready for the wire. */
export function fromPot(
  domain: Domain,
  config: PotConfig,
): {
  chainId: number;
  contract: Bytes;
  payer: Bytes;
  signer: Bytes;
  token: Bytes;
  challengeS: number;
  salt: Bytes;
} {
  return {
    chainId: domain.chainId,
    contract: fromHex(domain.contract),
    payer: fromHex(config.payer),
    signer: fromHex(config.signer),
    token: fromHex(config.token),
    challengeS: config.challengePeriod,
    salt: fromHex(config.salt),
  };
}

/** A pot off the wire; lengths and number ranges are checked, nothing else. Throws POT_BAD_CONFIG. */
export function toPot(wire: WirePot): { domain: Domain; config: PotConfig } {
  const bad = (field: string, why: string): never => {
    throw new PotError({ code: "POT_BAD_CONFIG", field }, `the pot's ${field} ${why}`);
  };
  const lengths = { contract: 20, payer: 20, signer: 20, token: 20, salt: 32 } as const;
  for (const [field, length] of Object.entries(lengths)) {
    const bytes = wire[field as keyof typeof lengths];
    if (bytes?.byteLength !== length) bad(field, `is ${bytes?.byteLength} bytes, not ${length}`);
  }
  if (!Number.isSafeInteger(wire.chainId) || wire.chainId < 1)
    bad("chain id", `is ${wire.chainId}`);
  if (!Number.isInteger(wire.challengeS) || wire.challengeS < 0 || wire.challengeS >= 2 ** 40)
    bad("challenge period", `is ${wire.challengeS} s, not a 40-bit number`);
  return {
    domain: { chainId: wire.chainId, contract: toAddress(wire.contract) },
    config: {
      payer: toAddress(wire.payer),
      signer: toAddress(wire.signer),
      token: toAddress(wire.token),
      challengePeriod: wire.challengeS,
      salt: bytesToHex(wire.salt),
    },
  };
}
