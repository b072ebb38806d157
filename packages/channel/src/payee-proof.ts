/**
 * A payee's signed word that a worker's peer key works for it: EIP-712 `PayeeProof(address payee,bytes32 worker)` in the domain of
 * the vouchers, so that it counts for one contract on one chain and wallets show whose request it is. `worker` is the raw Ed25519
 * key, so a copied proof is worth nothing to another peer. It has no expiry: people's clocks are wrong by hours, a wallet would have
 * to be asked again and again, and who no longer wants to answer for a peer key takes another key or another payee.
 */
import { CodedError, fromHex } from "@tabcast/runtime";
import {
  compactSignatureToSignature,
  concatHex,
  isAddressEqual,
  keccak256,
  parseCompactSignature,
  parseSignature,
  serializeCompactSignature,
  serializeSignature,
  signatureToCompactSignature,
  toHex,
} from "viem";
import { recoverAddress } from "viem/utils";
import type { Wallet } from "./chain/chain.ts";
import { digest as digestOf, isHexOf, NAME, separator, VERSION, word } from "./config.ts";
import type { Address, Domain, Hex } from "./types.ts";

const PROOF_TYPE = keccak256(toHex("PayeeProof(address payee,bytes32 worker)"));

export type PayeeProofReason =
  /** Not 64 bytes, no point on the curve; or a wallet that signs in another form, as contract wallets do. Do: use a wallet of a plain key, or work without a proof. */
  | { code: "PAYEE_PROOF_MALFORMED"; field: "payee" | "worker" | "signature" }
  /** Signed by somebody else, or for another worker, chain or contract. Do: sign again with the payee's own wallet, on the right network. */
  | { code: "PAYEE_PROOF_FORGED"; payee: Address; recovered: Address }
  /** The wallet did not sign. Do: ask again when you want to; work goes on without a proof. */
  | { code: "PAYEE_PROOF_DECLINED"; payee: Address };

/** A proof that cannot be made, or does not hold. */
export class PayeeProofError extends CodedError<PayeeProofReason> {}

/** What a proof says. */
export interface Claim {
  readonly payee: Address;
  /** The worker's raw Ed25519 peer key, 32 bytes. */
  readonly worker: Uint8Array;
}

function malformed(field: "payee" | "worker" | "signature", why: string): PayeeProofError {
  return new PayeeProofError(
    { code: "PAYEE_PROOF_MALFORMED", field },
    `the payee proof's ${field} ${why}`,
  );
}

/** The EIP-712 digest of a claim. Throws PAYEE_PROOF_MALFORMED. */
export function digest(domain: Domain, { payee, worker }: Claim): Hex {
  if (!isHexOf(payee, 20)) throw malformed("payee", "is not 20 bytes");
  if (worker.byteLength !== 32)
    throw malformed("worker", `is a key of ${worker.byteLength} bytes, not 32`);
  return digestOf(
    separator(domain),
    keccak256(concatHex([PROOF_TYPE, word(payee), toHex(worker)])),
  );
}

/** The claim as wallets take it. */
export const typedData = ({ chainId, contract }: Domain, { payee, worker }: Claim) =>
  ({
    domain: { name: NAME, version: VERSION, chainId, verifyingContract: contract },
    types: {
      PayeeProof: [
        { name: "payee", type: "address" },
        { name: "worker", type: "bytes32" },
      ],
    },
    primaryType: "PayeeProof",
    message: { payee, worker: toHex(worker) },
  }) as const;

/**
 * Has the payee's wallet sign for a worker's peer key: 64 bytes, EIP-2098, as a bid carries them. A browser wallet asks its owner.
 * Throws PAYEE_PROOF_DECLINED, and PAYEE_PROOF_MALFORMED or PAYEE_PROOF_FORGED where what the wallet gave would not hold.
 */
export async function sign(
  domain: Domain,
  wallet: Wallet,
  worker: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const claim = { payee: wallet.address, worker };
  digest(domain, claim); // refuses a claim that nobody could read before the person sees a dialog
  const signature = await ask(domain, wallet, claim);
  if (!isHexOf(signature, 65)) throw malformed("signature", "of this wallet is not 65 bytes");
  const proof = fromHex(
    serializeCompactSignature(signatureToCompactSignature(parseSignature(signature))),
  );
  await verify(domain, claim, proof);
  return proof;
}

async function ask(domain: Domain, wallet: Wallet, claim: Claim): Promise<unknown> {
  const typed = typedData(domain, claim);
  if (!("provider" in wallet)) return wallet.signTypedData(typed);
  const { types } = typed;
  const EIP712Domain = [
    { name: "name", type: "string" },
    { name: "version", type: "string" },
    { name: "chainId", type: "uint256" },
    { name: "verifyingContract", type: "address" },
  ];
  const text = JSON.stringify({ ...typed, types: { EIP712Domain, ...types } });
  try {
    return await wallet.provider.request({
      method: "eth_signTypedData_v4",
      params: [wallet.address, text],
    });
  } catch (cause) {
    throw new PayeeProofError(
      { code: "PAYEE_PROOF_DECLINED", payee: wallet.address },
      `the wallet did not sign that this tab works for ${wallet.address}`,
      { cause },
    );
  }
}

/**
 * Checks a proof off the wire without asking any chain: ECDSA only, as for vouchers; the 64 bytes have no room for a second form of
 * the same signature. Throws PAYEE_PROOF_MALFORMED or
 * PAYEE_PROOF_FORGED.
 */
export async function verify(domain: Domain, claim: Claim, proof: Uint8Array): Promise<void> {
  const hash = digest(domain, claim);
  if (proof.byteLength !== 64) throw malformed("signature", `is ${proof.byteLength} bytes, not 64`);
  let recovered: Address;
  try {
    const signature = compactSignatureToSignature(parseCompactSignature(toHex(proof)));
    recovered = await recoverAddress({ hash, signature: serializeSignature(signature) });
  } catch (cause) {
    throw new PayeeProofError(
      { code: "PAYEE_PROOF_MALFORMED", field: "signature" },
      "the payee proof's signature is no point on the curve",
      { cause },
    );
  }
  const { payee } = claim;
  if (!isAddressEqual(recovered, payee))
    throw new PayeeProofError(
      { code: "PAYEE_PROOF_FORGED", payee, recovered },
      `the payee proof is not signed by ${payee} for this worker, chain and contract`,
    );
}
