import { tabcastPotAbi } from "@tabcast/contracts";
import { type Amount, CodedError, type Wei } from "@tabcast/runtime";
import {
  BaseError,
  decodeErrorResult,
  formatEther,
  formatUnits,
  HttpRequestError,
  ResponseBodyTooLargeError,
  RpcRequestError,
  TimeoutError,
} from "viem";
import type { Currency } from "../currency.ts";
import type { Address, Hex } from "../types.ts";

export type ChainReason =
  /** Nothing answers at the RPC URL, or something that is no chain. Do: check the RPC address and the network; nothing was lost, it is tried again. */
  | { code: "CHAIN_UNREACHABLE"; rpc: string }
  /** The server takes no more questions for `seconds` seconds. Do: wait, or use another RPC server. */
  | { code: "CHAIN_BUSY"; rpc: string; seconds: number }
  /** The server's answer is too large, no JSON, or of another kind than the question's. Do: use another RPC server; nothing was lost. */
  | { code: "CHAIN_BAD_ANSWER"; rpc: string; method: string }
  /** Two servers tell different things of the same block. Do: use servers that you trust; nothing was sent. */
  | { code: "CHAIN_DISAGREES"; rpc: string; witness: string; method: string }
  /** The server gives out the events of too few blocks at once, 0: of not even one; or there are too many events. Do: use another RPC server. */
  | { code: "CHAIN_LOG_LIMIT"; rpc: string; blocks: bigint }
  /** The server's chain is not the one in the configuration. Do: switch the wallet to the right network, or correct the configuration. */
  | { code: "CHAIN_WRONG_ID"; expected: number; got: number }
  /** There is no code at the contract's address on this chain. Do: correct the contract's address or the chain. */
  | { code: "CHAIN_NO_CONTRACT"; contract: Address }
  /** The account has less than is needed; wei. Do: put money for the amount and its gas into the account. */
  | { code: "CHAIN_INSUFFICIENT"; account: Address; have: Wei; need: Wei }
  /** The account has too little of the token that pots are in, in its smallest parts. Do: put tokens into the account. */
  | {
      code: "CHAIN_TOKEN_SHORT";
      account: Address;
      token: Address;
      symbol: string;
      have: Amount;
      need: Amount;
    }
  /** There is no code at the token's address on this chain. Do: correct the token's address or the chain. */
  | { code: "CHAIN_TOKEN_NONE"; token: Address }
  /** What is at the token's address is no ERC-20 token, or another than the configuration says. Do: correct the configuration. */
  | {
      code: "CHAIN_TOKEN_BAD";
      token: Address;
      field: "symbol" | "decimals";
      expected: string;
      got: string;
    }
  /** Less or more of the token arrived than was sent, as with a token that takes a fee; nothing was kept. Do: use another token. */
  | { code: "CHAIN_TOKEN_INEXACT"; token: Address; sent: Amount; received: Amount }
  /** The token's issuer has frozen an account, or the whole token. Do: ask the issuer; what the contract owes stays there. */
  | { code: "CHAIN_TOKEN_FROZEN"; why: string }
  /** The wallet's signature is not 65 bytes of the account's own key, as a contract's is not. Do: deposit from a wallet with a key. */
  | { code: "CHAIN_TOKEN_SIGNATURE"; account: Address; bytes: number }
  /** The signed deposit was not brought to the chain before this unix second, and is void. Do: deposit again; nothing was paid. */
  | { code: "CHAIN_TOKEN_LATE"; validBefore: number }
  /** The payer cancelled in the token what it had signed. Do: deposit again; nothing was paid. */
  | { code: "CHAIN_TOKEN_CANCELLED"; amount: Amount }
  /** The contract refused; `error` is the name of its error. Do: read the error's meaning in packages/contracts/src/ITabcastPot.sol. */
  | { code: "CHAIN_REVERTED"; error: string; args: readonly unknown[]; hash?: Hex }
  /** The person said no in the wallet. Do: nothing was sent; ask again when you want to. */
  | { code: "CHAIN_REJECTED" }
  /** Sent, and not deep enough in the chain after this many seconds. It may still arrive. Do: wait, and look the hash up in an explorer before sending anything again. */
  | { code: "CHAIN_UNCONFIRMED"; hash: Hex; seconds: number }
  /** Another transaction of the account took its place, as when a person speeds up or cancels it in the wallet. Do: look at the account's history: what replaced it counts. */
  | { code: "CHAIN_REPLACED"; hash: Hex; account: Address; nonce: number }
  /** The account already used the nonce, or one before it is missing. Do: wait for the account's other transactions, then try again. */
  | { code: "CHAIN_NONCE"; account?: Address }
  /** The server takes no transaction that offers so little for gas. Do: try again; the price is asked for anew. */
  | { code: "CHAIN_UNDERPRICED" }
  /** Gas stayed dearer than our cap for this many seconds; wei per unit of gas. Nothing was sent. Do: wait for cheaper gas, or raise the cap. */
  | { code: "CHAIN_GAS_HIGH"; price: Wei; cap: Wei; seconds: number }
  /** The chain or the wallet failed in a way that has no code of its own; `cause` has its words. Do: read the cause, then try again. */
  | { code: "CHAIN_FAILED" };

/** The chain, the RPC server or the wallet did not do what was asked. */
export class ChainError extends CodedError<ChainReason> {}

/** The RPC server's address without user names, passwords and keys in the query. */
export function shown(rpc: string): string {
  if (!URL.canParse(rpc)) return rpc.slice(0, 80);
  const url = new URL(rpc);
  return `${url.origin}${url.pathname === "/" ? "" : url.pathname}`;
}

/** True for trouble of a server or the line, which may pass: what was asked is worth asking again. */
export function isPassing(error: unknown): boolean {
  return error instanceof ChainError && PASSING.has(error.code);
}

const PASSING: ReadonlySet<string> = new Set([
  "CHAIN_UNREACHABLE",
  "CHAIN_BUSY",
  "CHAIN_BAD_ANSWER",
  "CHAIN_DISAGREES",
]);

/** CHAIN_BUSY in words. */
export function serverBusy(rpc: string, seconds: number, error: unknown): ChainError {
  return new ChainError(
    { code: "CHAIN_BUSY", rpc, seconds },
    `the chain's RPC server ${shown(rpc)} takes no more questions for ${seconds} s`,
    { cause: plain(causesOf(error)) },
  );
}

/** CHAIN_UNREACHABLE in words, of a server that was silent for as long as it was waited for. */
export function unanswered(rpc: string, cause: unknown): ChainError {
  return new ChainError(
    { code: "CHAIN_UNREACHABLE", rpc },
    `the chain's RPC server ${shown(rpc)} did not answer in time`,
    { cause },
  );
}

/** CHAIN_BAD_ANSWER in words. */
export function badAnswer(rpc: string, method: string, error?: unknown): ChainError {
  return new ChainError(
    { code: "CHAIN_BAD_ANSWER", rpc, method },
    `the chain's RPC server ${shown(rpc)} gave no proper answer to ${method}`,
    ...(error === undefined ? [] : [{ cause: plain(causesOf(error)) }]),
  );
}

/** CHAIN_WRONG_ID in words; `who` is on the wrong chain. */
export function wrongChain(expected: number, got: number, who: string): ChainError {
  return new ChainError(
    { code: "CHAIN_WRONG_ID", expected, got },
    `${who} is on chain ${got}, not on chain ${expected}`,
  );
}

/** CHAIN_NO_CONTRACT in words. */
export function noContract(contract: Address, rpc: string, cause?: unknown): ChainError {
  return new ChainError(
    { code: "CHAIN_NO_CONTRACT", contract },
    `there is no TabcastPot at ${contract} on the chain of ${shown(rpc)}`,
    ...(cause === undefined ? [] : [{ cause }]),
  );
}

/** CHAIN_INSUFFICIENT in words; `coin` is the symbol of the chain's coin. */
export function insufficient(
  account: Address,
  { have, need, coin }: { readonly have: bigint; readonly need: bigint; readonly coin: string },
): ChainError {
  return new ChainError(
    { code: "CHAIN_INSUFFICIENT", account, have: have as Wei, need: need as Wei },
    `${account} has ${formatEther(have)} ${coin} and needs ${formatEther(need)} ${coin}`,
  );
}

/** CHAIN_TOKEN_SHORT in words. */
export function short(
  account: Address,
  { token, symbol, decimals }: Currency,
  have: Amount,
  need: Amount,
): ChainError {
  return new ChainError(
    { code: "CHAIN_TOKEN_SHORT", account, token, symbol, have, need },
    `${account} has ${formatUnits(have, decimals)} ${symbol} and needs ${formatUnits(need, decimals)} ${symbol}`,
  );
}

/** What viem, an RPC server or a wallet threw, in our words. */
export function translate(error: unknown, rpc: string): unknown {
  const all = causesOf(error);
  // viem puts its own error around what a transport throws.
  const ours = all.find((e) => e instanceof ChainError);
  if (ours) return ours;
  const cause = { cause: plain(all) };
  if (all.some((e) => "code" in e && (e.code === 4001 || e.code === "ACTION_REJECTED")))
    return new ChainError({ code: "CHAIN_REJECTED" }, "the wallet refused to sign", cause);
  if (all.some((e) => e instanceof ResponseBodyTooLargeError || e instanceof SyntaxError))
    return badAnswer(rpc, methodOf(all), error);
  const http = all.find(isAway);
  if (http) {
    const status = http instanceof TimeoutError ? undefined : http.status;
    const how =
      http instanceof TimeoutError
        ? "did not answer in time"
        : status === undefined
          ? "cannot be reached"
          : `answered HTTP ${status}`;
    return new ChainError(
      { code: "CHAIN_UNREACHABLE", rpc },
      `the chain's RPC server ${shown(rpc)} ${how}`,
      cause,
    );
  }
  const data = all
    .map((e) => ("data" in e ? e.data : undefined))
    .map((d) => (typeof d === "object" && d !== null && "data" in d ? d.data : d))
    .find((d): d is Hex => typeof d === "string" && /^0x[0-9a-f]{8,}$/i.test(d));
  if (data) {
    try {
      const { errorName, args = [] } = decodeErrorResult({ abi: tabcastPotAbi, data });
      if (errorName === "InexactTransfer") return inexact(args, cause);
      // "Error" is Solidity's own, with the words of a token or another contract.
      const words = (errorName as string) === "Error" ? String(args[0]) : errorName;
      if (FROZEN.test(words)) return frozen(words, cause);
      return new ChainError(
        { code: "CHAIN_REVERTED", error: errorName, args },
        `the contract refused: ${inWords(errorName, args)}`,
        cause,
      );
    } catch {
      // Not one of ours: told in the server's words below.
    }
  }
  const short = error instanceof BaseError ? error.shortMessage : String(error);
  const said = all.find((e) => e instanceof RpcRequestError)?.message;
  const line =
    ((error instanceof BaseError && error.details) || said || short).split("\n")[0] ?? "";
  if (UNDERPRICED.test(line))
    return new ChainError(
      { code: "CHAIN_UNDERPRICED" },
      "gas has become dearer than the transaction offers",
      cause,
    );
  if (NONCE.test(line))
    return new ChainError(
      { code: "CHAIN_NONCE" },
      "another transaction of this account has the same number",
      cause,
    );
  if (FROZEN.test(line)) return frozen(line, cause);
  if (/revert/i.test(line) || /revert/i.test(short))
    return new ChainError(
      { code: "CHAIN_REVERTED", error: line, args: [] },
      `the contract refused: ${readable(line)}`,
      cause,
    );
  return new ChainError(
    { code: "CHAIN_FAILED" },
    `the chain did not do it: ${readable(line)}`,
    cause,
  );
}

/** The server itself failed, or what stands in front of it: HTTP's errors, and JSON-RPC's with HTTP's 5xx. */
function isAway(error: Error): error is HttpRequestError | RpcRequestError | TimeoutError {
  if (error instanceof RpcRequestError) return (error.status ?? 0) >= 500;
  return error instanceof HttpRequestError || error instanceof TimeoutError;
}

/** What servers say of a nonce that is used, too far ahead, or in use at a higher fee. */
const NONCE = /nonce|replacement (transaction|tx)|already (known|imported)/i;

/** What servers say of a fee below the block's; a replacement that offers too little is NONCE's. */
const UNDERPRICED =
  /less than block base fee|lower than the (block )?base fee|^transaction underpriced|fee cap too low/i;

/** What tokens say of accounts that their issuers have frozen: USDC's and USDT's words among them. */
const FROZEN = /blacklist|frozen|freez|pausable: paused|EnforcedPause/i;

function frozen(line: string, cause: { cause: Error | undefined }): ChainError {
  const why = readable(line);
  return new ChainError(
    { code: "CHAIN_TOKEN_FROZEN", why },
    `the token does not move for this account: ${why}`,
    cause,
  );
}

function inexact(args: readonly unknown[], cause: { cause: Error | undefined }): ChainError {
  const [token, sent, received] = args as readonly [Address, Amount, Amount];
  return new ChainError(
    { code: "CHAIN_TOKEN_INEXACT", token, sent, received },
    `the token ${token} delivers ${received} of ${sent}: a token that takes a fee cannot pay a pot`,
    cause,
  );
}

/** The method that a failed request was for, as viem notes it in its messages. */
function methodOf(all: readonly Error[]): string {
  const found = all.map(({ message }) => /"method": ?"(\w+)"/.exec(message)?.[1]);
  return found.find((name) => name !== undefined) ?? "a request";
}

/** No server's raw bytes in a sentence for people. */
function readable(line: string): string {
  return line.replace(/0x[0-9a-f]{65,}/gi, "(data)").slice(0, 300);
}

/** The contract's error and its values: `PotNotClosing` becomes "pot not closing (pot id 0xab..., closes at 12)". */
function inWords(name: string, args: readonly unknown[]): string {
  const item = tabcastPotAbi.find((entry) => entry.type === "error" && entry.name === name);
  const inputs: readonly { name?: string }[] = item && "inputs" in item ? item.inputs : [];
  const values = args.map((value, i) => `${spaced(inputs[i]?.name ?? "")} ${String(value)}`.trim());
  return values.length > 0
    ? `${name}, ${spaced(name)} (${values.join(", ")})`
    : `${name}, ${spaced(name)}`;
}

function spaced(name: string): string {
  return name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
}

/** The root of the trouble in one line: viem's own messages have many, with the server's whole URL in them. */
function plain(all: readonly Error[]): Error | undefined {
  const root = all.at(-1);
  if (!(root instanceof BaseError)) return root;
  return new Error((root.details || root.shortMessage).split("\n")[0]);
}

/** An error and what caused it, at most 16. */
export function causesOf(error: unknown): Error[] {
  const all: Error[] = [];
  for (let e = error; e instanceof Error && all.length < 16; e = e.cause) all.push(e);
  // Wallets throw plain objects, which `instanceof` does not see.
  if (all.length === 0 && typeof error === "object" && error !== null)
    all.push(Object.assign(new Error("wallet"), error));
  return all;
}
