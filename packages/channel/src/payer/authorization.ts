/** EIP-3009: a deposit of tokens that the payer's wallet authorizes by one signature, and that anyone may bring to the contract. */
import type { Amount } from "@tabcast/runtime";
import {
  concatHex,
  hashTypedData,
  isAddressEqual,
  keccak256,
  recoverAddress,
  size,
  slice,
  toHex,
} from "viem";
import {
  ChainError,
  type SignedAuthorization,
  type TokenDomain,
  type Waits,
  type Wallet,
} from "../chain/chain.ts";
import { translate, wrongChain } from "../chain/chain-error.ts";
import { chainOf } from "../chain/sender.ts";
import { isHexOf, word } from "../config.ts";
import type { Address, Hex } from "../types.ts";
import { unlessAborted } from "../unless-aborted.ts";
import type { Asked } from "./asked.ts";

/** An authorization as the store holds it: before its signature it is only meant. */
export interface Authorization {
  /** Decimal. */
  readonly amount: string;
  /** Unix second of the chain's clock from which it is void. */
  readonly validBefore: number;
  readonly authSalt: Hex;
  readonly signature?: Hex;
  /** False until it is sent for the first time: nobody else has seen it, and what was signed can be dropped. Missing: not known. */
  readonly shown?: boolean;
  /** Decimal wei that the session key is to have beyond what bringing it costs. */
  readonly signerGas: string;
  /** The signed transfer of that gas, if the key that pays it is in this tab: never signed twice. */
  readonly gasRaw?: Hex;
  /** The same if a browser's wallet was asked for it. */
  readonly gasAsked?: Asked;
}

/** Seconds in which it must be brought: an hour, for a page that is closed in between or a server that is away. */
export const VALID_S = 3600;

const TYPE = [
  { name: "from", type: "address" },
  { name: "to", type: "address" },
  { name: "value", type: "uint256" },
  { name: "validAfter", type: "uint256" },
  { name: "validBefore", type: "uint256" },
  { name: "nonce", type: "bytes32" },
] as const;

/** Its nonce in the token, as the contract makes it: it ties the money to this pot and amount. */
export function nonceOf(
  potId: Hex,
  { amount, authSalt }: Pick<Authorization, "amount" | "authSalt">,
) {
  return keccak256(concatHex([potId, word(BigInt(amount)), authSalt]));
}

/** As the chain takes it; undefined before it is signed. */
export function signed(authorization: Authorization): SignedAuthorization | undefined {
  const { amount, validBefore, authSalt, signature } = authorization;
  if (signature === undefined) return undefined;
  return { amount: BigInt(amount) as Amount, validBefore, authSalt, signature };
}

export interface SignOptions extends Waits {
  readonly token: TokenDomain;
  readonly contract: Address;
  readonly potId: Hex;
}

/**
 * Asks the payer's wallet for its signature, in 65 bytes. Throws CHAIN_REJECTED, CHAIN_WRONG_ID, and CHAIN_TOKEN_SIGNATURE where it
 * is not the account's own key's, as a contract's.
 */
export async function sign(
  wallet: Wallet,
  { amount, validBefore, authSalt }: Authorization,
  { token, contract, potId, signal }: SignOptions,
): Promise<Hex> {
  const { address } = wallet;
  const typed = {
    domain: token,
    types: { ReceiveWithAuthorization: TYPE },
    primaryType: "ReceiveWithAuthorization",
    message: {
      from: address,
      to: contract,
      value: BigInt(amount),
      validAfter: 0n,
      validBefore: BigInt(validBefore),
      nonce: nonceOf(potId, { amount, authSalt }),
    },
  } as const;
  const given =
    "provider" in wallet
      ? await unlessAborted(askProvider(wallet, typed), signal)
      : await wallet.signTypedData(typed);
  signal.throwIfAborted();
  const signature = isHexOf(given, 65) ? given : undefined;
  const signer =
    signature &&
    (await recoverAddress({ hash: hashTypedData(typed), signature }).catch(() => undefined));
  if (!signature || !signer || !isAddressEqual(signer, address)) {
    const bytes = typeof given === "string" && given.startsWith("0x") ? size(given as Hex) : 0;
    throw new ChainError(
      { code: "CHAIN_TOKEN_SIGNATURE", account: address, bytes },
      bytes === 65
        ? `the wallet's signature is not by the key of ${address}, as where the account is a contract`
        : `the wallet signed with ${bytes} bytes, not with the 65 of a key: ${address} may be a contract`,
    );
  }
  return inTheTokensForm(signature);
}

/** Order of the curve. Source: SEC 2, section 2.4.1. */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** The same signature with v 27 or 28, where some wallets say 0 and 1, and with s in the lower half, where some do not take it. */
function inTheTokensForm(signature: Hex): Hex {
  const given = BigInt(slice(signature, 32, 64));
  const low = given <= ORDER / 2n;
  const told = Number(slice(signature, 64, 65));
  const parity = told >= 27 ? told - 27 : told;
  const v = 27 + (low ? parity : 1 - parity);
  return concatHex([slice(signature, 0, 32), word(low ? given : ORDER - given), toHex(v)]);
}

type Typed = { readonly domain: TokenDomain; readonly message: Readonly<Record<string, unknown>> };

async function askProvider(
  { provider, address }: Extract<Wallet, { provider: unknown }>,
  { domain, message }: Typed,
): Promise<unknown> {
  const expected = domain.chainId;
  try {
    const got = await chainOf(provider);
    if (got !== expected) throw wrongChain(expected, got, "the wallet");
    const EIP712Domain = [
      { name: "name", type: "string" },
      { name: "version", type: "string" },
      { name: "chainId", type: "uint256" },
      { name: "verifyingContract", type: "address" },
    ];
    const types = { EIP712Domain, ReceiveWithAuthorization: TYPE };
    const typed = { domain, types, primaryType: "ReceiveWithAuthorization", message };
    const data = JSON.stringify(typed, (_, value) =>
      typeof value === "bigint" ? `${value}` : value,
    );
    return await provider.request({ method: "eth_signTypedData_v4", params: [address, data] });
  } catch (error) {
    throw translate(error, "");
  }
}
