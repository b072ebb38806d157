import { type Amount, CodedError } from "@tabcast/runtime";
import { concatHex, isAddressEqual, keccak256, toHex } from "viem";
import { publicKeyToAddress, recoverPublicKey } from "viem/utils";
import { digest as digestOf, isHexOf, word } from "./config.ts";
import { learn, signed } from "./signers.ts";
import type { Address, Hex, Lane, SignedVoucher } from "./types.ts";

const VOUCHER_TYPE = keccak256(
  toHex("Voucher(bytes32 potId,address payee,uint32 lane,uint96 cumulative)"),
);
/** Half of secp256k1's order: the contract takes no `s` above it. Source: EIP-2. */
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;

/** The largest amount a voucher can name. */
export const MAX_AMOUNT = (2n ** 96n - 1n) as Amount;

export type VoucherReason =
  /** Not the lengths, numbers or signature form that the contract would accept. Do: nothing; the voucher is dropped. Report it if the payer is Tabcast. */
  | { code: "VOUCHER_MALFORMED"; field: string }
  /** For another pot, payee or lane. Do: nothing; the voucher is dropped. */
  | { code: "VOUCHER_MISDIRECTED"; field: "potId" | "payee" | "lane" }
  /** `trust` was never called, or failed, for this pot. Do: call `trust` for the pot before accepting vouchers of it. */
  | { code: "VOUCHER_UNTRUSTED_POT"; potId: Hex }
  /** Signed by somebody else. Do: nothing; the voucher is dropped, and the payer is not paid work for. */
  | { code: "VOUCHER_FORGED"; signer: Address; recovered: Address }
  /** Lower than what we hold: answer with that. Do: answer with the voucher held, so that the payer goes on from it. */
  | { code: "VOUCHER_STALE"; amount: Amount; held: Amount }
  /** More than was delivered plus what may be paid ahead. Do: nothing, unless `prepay` is too small for this payer. */
  | { code: "VOUCHER_OVER_OWED"; increment: Amount; owed: Amount }
  /** More than the pot holds for us. Do: stop working for the pot until it is topped up. */
  | { code: "VOUCHER_OVER_POT"; amount: Amount; pot: Amount }
  /** Adds less than we verify for. Do: wait for a voucher that adds more. */
  | { code: "VOUCHER_DUST"; increment: Amount; min: Amount }
  /** Kept, but more than `softCap` of what we hold is guaranteed by nobody, or the pot has promised `unpayable` of it to others. Do: wait for a reservation on chain, or raise `softCap`. */
  | { code: "VOUCHER_UNGUARANTEED"; exposed: Amount; softCap: Amount; unpayable?: Amount }
  /** Kept and claimable, but no reason to go on working. Do: claim before the close ends. */
  | { code: "VOUCHER_POT_CLOSING"; closeAt: number }
  /** The pot was settled; no voucher of it can be claimed any more. Do: nothing can be done. */
  | { code: "VOUCHER_POT_FINAL" };

/** A voucher that we will not accept. */
export class VoucherError extends CodedError<VoucherReason> {}

/** What signs vouchers: a session key in this tab. */
export interface SessionKey {
  readonly address: Address;
  /** 65 bytes over a 32-byte hash; the same hash gives the same bytes (RFC 6979). */
  sign(request: { hash: Hex }): Promise<Hex>;
}

/** What a voucher says, before it is signed. */
export type Terms = Omit<SignedVoucher, "signature">;

/** The EIP-712 digest of a voucher, from a domain separator computed once. */
export function digest(domainSeparator: Hex, terms: Terms): Hex {
  return digestOf(
    domainSeparator,
    keccak256(
      concatHex([
        VOUCHER_TYPE,
        terms.potId,
        word(terms.payee),
        word(terms.lane),
        word(terms.cumulative),
      ]),
    ),
  );
}

/** Signs a lane's new total. Throws VOUCHER_MALFORMED if the contract could not read it. */
export async function sign(
  domainSeparator: Hex,
  key: SessionKey,
  terms: Terms,
): Promise<SignedVoucher> {
  checkTerms(terms);
  const signature = await key.sign({ hash: digest(domainSeparator, terms) });
  return { ...terms, signature };
}

function malformed(field: string, why: string): never {
  throw new VoucherError({ code: "VOUCHER_MALFORMED", field }, `the voucher's ${field} ${why}`);
}

function checkTerms(terms: Terms): void {
  if (!isHexOf(terms.potId, 32)) malformed("pot", "is not 32 bytes");
  if (!isHexOf(terms.payee, 20)) malformed("payee", "is not 20 bytes");
  if (!isLane(terms.lane)) malformed("lane", `is ${terms.lane}, not a 32-bit number`);
  if (
    typeof terms.cumulative !== "bigint" ||
    terms.cumulative <= 0n ||
    terms.cumulative > MAX_AMOUNT
  )
    malformed("amount", `is ${terms.cumulative} parts, not 1 to ${MAX_AMOUNT}`);
}

/** Throws VOUCHER_MALFORMED unless the contract could accept this form: as strict as the chain, which viem is not. */
export function checkForm(voucher: SignedVoucher): void {
  checkTerms(voucher);
  if (!isHexOf(voucher.signature, 65)) malformed("signature", "is not 65 bytes");
  const s = BigInt(`0x${voucher.signature.slice(66, 130)}`);
  if (s > HALF_ORDER) malformed("signature", "has a high s");
  const v = Number.parseInt(voucher.signature.slice(130), 16);
  if (v !== 27 && v !== 28) malformed("signature", `has v ${v}, not 27 or 28`);
}

/**
 * Checks form, then signature, without asking any chain. Throws VOUCHER_MALFORMED or VOUCHER_FORGED.
 * ECDSA only: a contract's answer to "is this signed?" could change after the work.
 */
export async function verify(
  domainSeparator: Hex,
  signer: Address,
  voucher: SignedVoucher,
): Promise<void> {
  await keyOf(domainSeparator, signer, voucher);
}

/**
 * The same for vouchers of one signer that come again and again: its public key is learnt from the first, and not recovered from each.
 * Only vouchers that are paid for should be verified so: few signers are remembered.
 */
export async function verifyNext(
  domainSeparator: Hex,
  signer: Address,
  voucher: SignedVoucher,
): Promise<void> {
  checkForm(voucher);
  if (signed(signer, digest(domainSeparator, voucher), voucher.signature)) return;
  learn(signer, await keyOf(domainSeparator, signer, voucher));
}

/** The signer's public key, recovered from a voucher. Throws as `verify` does. */
async function keyOf(domainSeparator: Hex, signer: Address, voucher: SignedVoucher): Promise<Hex> {
  checkForm(voucher);
  const { signature } = voucher;
  const hash = digest(domainSeparator, voucher);
  let publicKey: Hex;
  try {
    publicKey = await recoverPublicKey({ hash, signature });
  } catch (cause) {
    // r or s out of range, or no point on the curve: nobody's signature.
    throw new VoucherError(
      { code: "VOUCHER_MALFORMED", field: "signature" },
      "the voucher's signature is no point on the curve",
      { cause },
    );
  }
  const recovered = publicKeyToAddress(publicKey);
  if (!isAddressEqual(recovered, signer))
    throw new VoucherError(
      { code: "VOUCHER_FORGED", signer, recovered },
      `the voucher is signed by ${recovered}, not by the pot's session key ${signer}`,
    );
  return publicKey;
}

/** True for a 32-bit number. */
export function isLane(lane: number): boolean {
  return Number.isInteger(lane) && lane >= 0 && lane <= 0xffffffff;
}

/** A lane as a key of a map: the payee in lower case and the lane number. */
export function laneKey({ payee, lane }: Lane): string {
  return `${payee.toLowerCase()}/${lane}`;
}
