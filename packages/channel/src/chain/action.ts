import { tabcastPotAbi } from "@tabcast/contracts";
import type { Amount, Wei } from "@tabcast/runtime";
import { encodeFunctionData, isAddressEqual, slice, zeroAddress } from "viem";
import type { Address, Hex, Lane, PotConfig, SignedVoucher } from "../types.ts";
import type { Call, LaneState } from "./types.ts";

/** A guarantee to be given: the lane's `version` must still be the chain's. */
export type Reservation = Lane & Omit<LaneState, "claimed">;

/** An EIP-3009 authorization of a deposit, valid from the first second on. */
export interface SignedAuthorization {
  readonly amount: Amount;
  /** Unix second from which it is void. */
  readonly validBefore: number;
  /** Makes its nonce, with the pot and the amount. */
  readonly authSalt: Hex;
  /** 65 bytes by the payer. */
  readonly signature: Hex;
}

/** What can be sent to the contract. */
export type Action =
  | {
      readonly do: "deposit";
      readonly config: PotConfig;
      /** For the pot. */
      readonly amount: Amount;
      /** Handed on to the session key. */
      readonly signerGas: Wei;
    }
  /** A deposit of the payer's tokens, which the payer has authorized and anyone may bring. */
  | {
      readonly do: "depositWithAuthorization";
      readonly config: PotConfig;
      readonly authorization: SignedAuthorization;
    }
  | {
      readonly do: "claim";
      readonly config: PotConfig;
      readonly vouchers: readonly SignedVoucher[];
    }
  /** A claim for others, whose lanes' share of it becomes the beneficiary's credit in the last half of a challenge. */
  | {
      readonly do: "claimAsWatchtower";
      readonly config: PotConfig;
      readonly vouchers: readonly SignedVoucher[];
      readonly beneficiary: Address;
    }
  | {
      readonly do: "pay";
      readonly config: PotConfig;
      readonly rows: readonly (Lane & { readonly cumulative: Amount })[];
      /** Freed first, so that they bind nothing: guarantees that have lapsed. */
      readonly lapsed?: readonly Lane[];
    }
  | {
      readonly do: "reserve";
      readonly config: PotConfig;
      readonly rows: readonly Reservation[];
      /** Freed first: guarantees that have lapsed. */
      readonly lapsed?: readonly Lane[];
    }
  /** Lets go of reservations: lapsed ones, or the sender's own. */
  | { readonly do: "release"; readonly config: PotConfig; readonly lanes: readonly Lane[] }
  | {
      readonly do: "startClose" | "cancelClose" | "finalizeClose";
      readonly config: PotConfig;
    }
  /** The whole credit of an account in a token to that account. */
  | { readonly do: "withdraw"; readonly account: Address; readonly token: Address }
  /** Part of the sender's own credit to any address. */
  | {
      readonly do: "withdrawTo";
      readonly to: Address;
      readonly token: Address;
      readonly amount: Amount;
    };

/** Most rows of one `pay` or `reserve`: about 10 million gas, a third of a block. */
const ROWS = 200;

/** The transaction that does it. Throws RangeError for more than 200 rows. */
export function callOf(contract: Address, action: Action): Call {
  return {
    to: contract,
    data: encoded(action),
    value: coinsOf(action),
  };
}

/** Wei that go with it: a token's deposit is pulled by the contract. */
function coinsOf(action: Action): bigint {
  if (action.do !== "deposit") return 0n;
  const { config, amount, signerGas } = action;
  return isAddressEqual(config.token, zeroAddress) ? amount + signerGas : signerGas;
}

function encoded(action: Action): Hex {
  const abi = tabcastPotAbi;
  switch (action.do) {
    case "deposit": {
      const { config, amount, signerGas } = action;
      return encodeFunctionData({
        abi,
        functionName: "deposit",
        args: [config, amount, signerGas],
      });
    }
    case "depositWithAuthorization": {
      const { amount, validBefore, authSalt, signature } = action.authorization;
      return encodeFunctionData({
        abi,
        functionName: "depositWithAuthorization",
        args: [action.config, amount, 0n, BigInt(validBefore), authSalt, signature],
      });
    }
    case "claim":
      return encodeFunctionData({
        abi,
        functionName: "claim",
        args: [action.config, rowsOf(action.vouchers)],
      });
    case "claimAsWatchtower":
      return encodeFunctionData({
        abi,
        functionName: "claimAsWatchtower",
        args: [action.config, rowsOf(action.vouchers), action.beneficiary],
      });
    case "pay":
    case "reserve":
      return withReleased(action);
    case "release":
      return released(action.config, action.lanes);
    case "startClose":
    case "cancelClose":
    case "finalizeClose":
      return encodeFunctionData({ abi, functionName: action.do, args: [action.config] });
    case "withdraw":
      return encodeFunctionData({
        abi,
        functionName: "withdraw",
        args: [action.account, action.token],
      });
    case "withdrawTo":
      return encodeFunctionData({
        abi,
        functionName: "withdrawTo",
        args: [action.token, action.to, action.amount],
      });
  }
}

/**
 * A `pay` or `reserve` behind the release of lapsed guarantees, in one transaction. The one place that knows that this version of
 * the contract frees a lapsed guarantee only when it is asked to.
 */
function withReleased(action: Extract<Action, { do: "pay" | "reserve" }>): Hex {
  const abi = tabcastPotAbi;
  const { config, lapsed = [] } = action;
  few([...action.rows, ...lapsed]);
  const data =
    action.do === "pay"
      ? encodeFunctionData({ abi, functionName: "pay", args: [config, action.rows] })
      : encodeFunctionData({ abi, functionName: "reserve", args: [config, action.rows] });
  if (lapsed.length === 0) return data;
  const release = released(config, lapsed);
  const calls = action.rows.length === 0 ? [release] : [release, data];
  return encodeFunctionData({ abi, functionName: "multicall", args: [calls] });
}

function released(config: PotConfig, lanes: readonly Lane[]): Hex {
  const payees = lanes.map(({ payee }) => payee);
  const numbers = lanes.map(({ lane }) => lane);
  return encodeFunctionData({
    abi: tabcastPotAbi,
    functionName: "release",
    args: [config, payees, numbers],
  });
}

function few<T>(rows: readonly T[]): readonly T[] {
  if (rows.length > ROWS)
    throw new RangeError(`${rows.length} lanes in one transaction, at most ${ROWS}`);
  return rows;
}

const rowsOf = (vouchers: readonly SignedVoucher[]) =>
  vouchers.map(({ signature, ...row }) => ({ ...row, ...rsv(signature) }));

/** The parts of a 65-byte signature; the contract takes no other form. */
const rsv = (signature: Hex) => ({
  r: slice(signature, 0, 32),
  s: slice(signature, 32, 64),
  v: Number(slice(signature, 64, 65)),
});
