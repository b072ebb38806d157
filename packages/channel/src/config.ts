import { type Amount, BoundedMap, CodedError } from "@tabcast/runtime";
import { concatHex, isAddress, isAddressEqual, keccak256, pad, toHex, zeroAddress } from "viem";
import type { Currency } from "./currency.ts";
import type { Address, Domain, Hex, PotConfig } from "./types.ts";

const DOMAIN_TYPE = keccak256(
  toHex("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
);
const CONFIG_TYPE = keccak256(
  toHex(
    "PotConfig(address payer,address signer,address token,uint40 challengePeriod,bytes32 salt)",
  ),
);
/** The domain's name and version: those of the contract that we deploy. */
export const NAME = "TabcastPot";
export const VERSION = "2";
const NAME_HASH = keccak256(toHex(NAME));

/** Shortest challenge period that the contract takes, in seconds. */
export const MIN_CHALLENGE = 900;
/** Longest challenge period that the contract takes, in seconds. */
export const MAX_CHALLENGE = 604_800;

export type PotReason =
  /** More is to be signed than the deposit leaves. Do: top the pot up. */
  | { code: "POT_EMPTY"; need: Amount; free: Amount }
  /** Not a whole amount of wei above zero, or above 2^96-1. Do: give a whole amount of wei within the bounds. */
  | { code: "POT_BAD_AMOUNT"; amount: bigint }
  /** The payee is no address, or the lane no 32-bit number. Do: give an address, and a lane from 0 to 2^32 - 1. */
  | { code: "POT_BAD_LANE"; payee: string; lane: number }
  /** The tab closed its purse, or the pot is being settled. Do: open another pot. */
  | { code: "POT_CLOSED"; state: string }
  /** A field of the config has the wrong shape or a forbidden value. Do: correct the field that the message names. */
  | { code: "POT_BAD_CONFIG"; field: string }
  /** The pot lies on a chain or in a contract that we do not use. Do: work only for pots of the configured chain and contract. */
  | { code: "POT_ELSEWHERE"; chainId: number; contract: Address }
  /** The pot holds another token than the one that is accepted. Do: use a pot of an accepted token. */
  | { code: "POT_TOKEN"; token: Address }
  /** Seconds. Do: open the pot with a longer challenge. */
  | { code: "POT_CHALLENGE_SHORT"; challengePeriod: number; min: number }
  /** Hundredths of a percent. Do: use another contract, or accept its fee. */
  | { code: "POT_FEE"; feeBps: number; max: number }
  /** Nothing on chain, or less than asked for. Do: fund the pot. */
  | { code: "POT_UNFUNDED"; balance: Amount; min: Amount }
  /** The pot is being closed, so it pays for no new work. Do: claim what is owed; work for it no more. */
  | { code: "POT_CLOSING"; closeAt: number }
  /** The pot was settled. Do: nothing is left to do, but to withdraw. */
  | { code: "POT_FINAL" }
  /** The store has no such pot. Do: compare the id; pots are listed by `unsettled`. */
  | { code: "POT_UNKNOWN"; potId: Hex }
  /** The deposit was never sent, or never arrived. Do: fund a new pot. */
  | { code: "POT_NOT_OPENED"; potId: Hex }
  /** What a browser's wallet was asked for before may still arrive. Do: confirm, speed up or cancel it in the wallet; what has arrived is found. */
  | { code: "POT_ASKED_BEFORE"; hash?: Hex }
  /** The chain's events do not add up. Do: report it with the pot's id: the books disagree with the chain. */
  | { code: "POT_UNBALANCED"; deposited: Amount; paid: Amount; refunded: Amount }
  /** The purse knows only an address: it can hold vouchers but send nothing. Do: open the purse with an account or wallet that can send transactions. */
  | { code: "PURSE_NO_ACCOUNT"; payee: Address };

/** A pot that cannot be used as asked. */
export class PotError extends CodedError<PotReason> {}

/** 32 bytes of hex for a number or address. */
export function word(value: bigint | number | Hex): Hex {
  return typeof value === "string" ? pad(value, { size: 32 }) : toHex(value, { size: 32 });
}

/** Hashes remembered: a worker asks for the same few with each offer that it hears, and one takes longer than all else it does with it. */
const MOST_HASHES = 2_048;
const separators = new BoundedMap<string, Hex>(MOST_HASHES);
const potIds = new BoundedMap<string, Hex>(MOST_HASHES);

/** What was computed for these words, or is now. */
function remembered(hashes: BoundedMap<string, Hex>, key: string, compute: () => Hex): Hex {
  const before = hashes.get(key);
  if (before !== undefined) return before;
  const hash = compute();
  hashes.set(key, hash);
  return hash;
}

/** EIP-712 domain separator of one contract on one chain: computed once, then part of every hash. Version "1" is spoken too. */
export function separator(domain: Domain, version: "1" | "2" = VERSION): Hex {
  const { chainId, contract } = domain;
  return remembered(separators, `${version} ${chainId} ${contract}`, () =>
    keccak256(
      concatHex([DOMAIN_TYPE, NAME_HASH, keccak256(toHex(version)), word(chainId), word(contract)]),
    ),
  );
}

/** The EIP-712 digest of a struct hash. */
export function digest(domainSeparator: Hex, structHash: Hex): Hex {
  return keccak256(concatHex(["0x1901", domainSeparator, structHash]));
}

/** A pot's id, as the contract computes it. */
export function potId(domainSeparator: Hex, config: PotConfig): Hex {
  const { payer, signer, token, challengePeriod, salt } = config;
  const key = [domainSeparator, payer, signer, token, challengePeriod, salt].join();
  return remembered(potIds, key, () =>
    digest(
      domainSeparator,
      keccak256(
        concatHex([
          CONFIG_TYPE,
          word(payer),
          word(signer),
          word(token),
          word(challengePeriod),
          salt,
        ]),
      ),
    ),
  );
}

/** True for `0x` and exactly `bytes` bytes of hex. */
export function isHexOf(value: unknown, bytes: number): value is Hex {
  return (
    typeof value === "string" && value.length === 2 + 2 * bytes && /^0x[0-9a-f]*$/i.test(value)
  );
}

/** Throws POT_BAD_CONFIG unless the contract would take a deposit with this config, and POT_TOKEN unless it is in `currency`. */
export function check(
  config: PotConfig,
  { token, symbol }: Pick<Currency, "token" | "symbol">,
): void {
  const bad = (field: string, why: string): never => {
    throw new PotError({ code: "POT_BAD_CONFIG", field }, `the pot's ${field} ${why}`);
  };
  for (const field of ["payer", "signer", "token"] as const)
    if (!isAddress(config[field], { strict: false })) bad(field, "is not an address");
  for (const field of ["payer", "signer"] as const)
    if (isAddressEqual(config[field], zeroAddress)) bad(field, "is the zero address");
  if (!isHexOf(config.salt, 32)) bad("salt", "is not 32 bytes");
  const seconds = config.challengePeriod;
  if (!Number.isInteger(seconds) || seconds < MIN_CHALLENGE || seconds > MAX_CHALLENGE)
    bad("challenge period", `is ${seconds} s, not ${MIN_CHALLENGE} to ${MAX_CHALLENGE} s`);
  if (!isAddressEqual(config.token, token))
    throw new PotError(
      { code: "POT_TOKEN", token: config.token },
      `the pot is in token ${config.token}; we are paid in ${symbol}, token ${token}`,
    );
}

/** Throws POT_ELSEWHERE unless a pot that somebody names lies on our chain, in our contract. */
export function requireDomain(ours: Domain, offered: Domain): void {
  const { chainId, contract } = offered;
  // Compared as text: what a stranger names need not be an address.
  if (chainId !== ours.chainId || contract.toLowerCase() !== ours.contract.toLowerCase())
    throw new PotError(
      { code: "POT_ELSEWHERE", chainId, contract },
      `the pot is in ${contract} on chain ${chainId}; we use ${ours.contract} on chain ${ours.chainId}`,
    );
}
