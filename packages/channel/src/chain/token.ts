/** What is asked of an ERC-20 token, and of EIP-3009 where it has that. Knows no pot. */
import type { Amount } from "@tabcast/runtime";
import { domainSeparator, encodeFunctionData, isAddressEqual, zeroAddress } from "viem";
import { getBalance, getCode, readContract } from "viem/actions";
import { word } from "../config.ts";
import type { Currency } from "../currency.ts";
import type { Address, Hex } from "../types.ts";
import { ChainError } from "./chain-error.ts";
import type { Rpc } from "./rpc.ts";

const text = { type: "string" } as const;
const view = (
  name: string,
  inputs: readonly { readonly type: string }[],
  output: { readonly type: string },
) => ({ type: "function", stateMutability: "view", name, inputs, outputs: [output] }) as const;

const ADDRESS = { type: "address" } as const;
const UINT = { type: "uint256" } as const;
const WORD = { type: "bytes32" } as const;

const TOKEN_ABI = [
  view("name", [], text),
  view("version", [], text),
  view("symbol", [], text),
  view("decimals", [], { type: "uint8" }),
  view("balanceOf", [ADDRESS], UINT),
  view("allowance", [ADDRESS, ADDRESS], UINT),
  view("DOMAIN_SEPARATOR", [], WORD),
  view("authorizationState", [ADDRESS, WORD], { type: "bool" }),
  {
    type: "function",
    stateMutability: "nonpayable",
    name: "approve",
    inputs: [ADDRESS, UINT],
    outputs: [{ type: "bool" }],
  },
] as const;

/** The EIP-712 domain in which the token's owners sign authorizations. */
export interface TokenDomain {
  readonly name: string;
  readonly version: string;
  readonly chainId: number;
  readonly verifyingContract: Address;
}

/** One token, through one server. */
export interface Token {
  /** What an account has of it. */
  balance(account: Address, signal: AbortSignal): Promise<Amount>;
  /** What the spender may take of the owner's. */
  allowance(owner: Address, spender: Address, signal: AbortSignal): Promise<Amount>;
  /** Where EIP-3009's authorizations are signed; undefined where the token has none, or a domain of another make. */
  authorizing(chainId: number, signal: AbortSignal): Promise<TokenDomain | undefined>;
  /** True if the owner's authorization of that nonce was used, or cancelled. */
  authorizationUsed(owner: Address, nonce: Hex, signal: AbortSignal): Promise<boolean>;
}

/** True if the pots are in the chain's own coin. */
export const isCoin = ({ token }: Pick<Currency, "token">): boolean =>
  isAddressEqual(token, zeroAddress);

export function openToken(rpc: Rpc, address: Address): Token {
  const read = <T>(signal: AbortSignal, functionName: string, args: readonly unknown[] = []) =>
    rpc.ask(
      signal,
      (client) =>
        readContract(client, {
          address,
          abi: TOKEN_ABI,
          functionName,
          args,
        } as never) as Promise<T>,
    );
  return {
    balance: async (account, signal) =>
      isCoin({ token: address })
        ? ((await rpc.ask(signal, (client) =>
            getBalance(client, { address: account }),
          )) as bigint as Amount)
        : read<Amount>(signal, "balanceOf", [account]),
    allowance: (owner, spender, signal) => read<Amount>(signal, "allowance", [owner, spender]),
    authorizationUsed: (owner, nonce, signal) =>
      read<boolean>(signal, "authorizationState", [owner, nonce]),
    async authorizing(chainId, signal) {
      if (isCoin({ token: address })) return undefined;
      try {
        const [name, version, separator] = await Promise.all([
          read<string>(signal, "name"),
          read<string>(signal, "version"),
          read<Hex>(signal, "DOMAIN_SEPARATOR"),
          read<boolean>(signal, "authorizationState", [zeroAddress, word(0)]),
        ]);
        const domain = { name, version, chainId, verifyingContract: address };
        // A domain that we cannot rebuild is one that no signature of ours would fit.
        return domainSeparator({ domain }) === separator ? domain : undefined;
      } catch (error) {
        if (isUnanswered(error)) return undefined;
        throw error;
      }
    },
  };
}

/** The call that lets `spender` take exactly `amount`. */
export const approval = (token: Address, spender: Address, amount: bigint) => ({
  to: token,
  data: encodeFunctionData({
    abi: TOKEN_ABI,
    functionName: "approve",
    args: [spender, amount],
  } as never),
  value: 0n,
});

/**
 * Throws CHAIN_TOKEN_NONE where there is no code, CHAIN_TOKEN_BAD where it is no ERC-20 token or not the one that the currency
 * says.
 */
export async function requireToken(
  rpc: Rpc,
  { token, symbol, decimals }: Currency,
  signal: AbortSignal,
): Promise<void> {
  const read = async (functionName: string): Promise<unknown> => {
    try {
      const call = { address: token, abi: TOKEN_ABI, functionName } as never;
      return await rpc.ask(signal, (client) => readContract(client, call));
    } catch (error) {
      if (isUnanswered(error)) return undefined;
      throw error;
    }
  };
  const code = await rpc.ask(signal, (client) => getCode(client, { address: token }));
  if (!code)
    throw new ChainError(
      { code: "CHAIN_TOKEN_NONE", token },
      `there is no token at ${token} on this chain, where ${symbol} should be`,
    );
  const [gotSymbol, gotDecimals] = await Promise.all([read("symbol"), read("decimals")]);
  const other = (field: "symbol" | "decimals", expected: string | number, got: unknown): never => {
    throw new ChainError(
      { code: "CHAIN_TOKEN_BAD", token, field, expected: `${expected}`, got: `${got ?? "none"}` },
      got === undefined
        ? `what is at ${token} is no ERC-20 token: it has no ${field}`
        : `the token at ${token} has the ${field} ${String(got).slice(0, 40)}, not ${expected}`,
    );
  };
  if (gotDecimals !== decimals) other("decimals", decimals, gotDecimals);
  if (gotSymbol !== symbol) other("symbol", symbol, gotSymbol);
}

/** The contract has no such function, or its answer is another's. */
const isUnanswered = (error: unknown): boolean =>
  error instanceof ChainError &&
  ["CHAIN_FAILED", "CHAIN_REVERTED", "CHAIN_BAD_ANSWER"].includes(error.code);
