import { type Amount, fromHex } from "@tabcast/runtime";
import {
  bytesToBigInt,
  bytesToHex,
  compactSignatureToSignature,
  getAddress,
  numberToBytes,
  parseCompactSignature,
  parseSignature,
  serializeCompactSignature,
  serializeSignature,
  signatureToCompactSignature,
} from "viem";
import { PotError } from "./config.ts";
import type { Address, Domain, Hex, PotConfig, SignedVoucher } from "./types.ts";
import { isLane, VoucherError } from "./voucher.ts";

/** `Voucher` of tabcast.proto, as any codec gives it: at most 120 bytes there. Its payee is the one of the award it comes with. */
export interface WireVoucher {
  /** 32 bytes. */
  readonly pot: Uint8Array;
  readonly lane: number;
  /** Amount, 1 to 12 bytes, big endian. */
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
  const compact = signatureToCompactSignature(parseSignature(voucher.signature));
  return {
    pot: fromHex(voucher.potId),
    lane: voucher.lane,
    cumulative: Uint8Array.from(numberToBytes(voucher.cumulative)),
    signature: fromHex(serializeCompactSignature(compact)),
  };
}

/** A voucher off the wire for `payee`; lengths and the signature's numbers are checked, nothing else. Throws VOUCHER_MALFORMED. */
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
  return {
    potId: bytesToHex(wire.pot),
    payee,
    lane: wire.lane,
    cumulative: bytesToBigInt(wire.cumulative) as Amount,
    signature: signatureOf(wire.signature),
  };
}

/** The 65 bytes that the contract takes, of the 64 on the wire. Throws VOUCHER_MALFORMED where r or s is none. */
function signatureOf(wire: Uint8Array): Hex {
  try {
    return serializeSignature(compactSignatureToSignature(parseCompactSignature(bytesToHex(wire))));
  } catch (cause) {
    throw new VoucherError(
      { code: "VOUCHER_MALFORMED", field: "signature" },
      "the voucher's signature is no pair of numbers on the curve",
      { cause },
    );
  }
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
