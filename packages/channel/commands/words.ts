import { CodedError } from "@tabcast/runtime";
import { formatEther, formatGwei } from "viem";
import type { ChainFacts } from "../src/chain/chains.ts";

/** Why a command of this folder ends without having done its work; `exit` is the process's exit code. */
export class CommandError extends CodedError<
  /** A flag, the URL, the key or the file given is missing or wrong, or the account has too little. Do: see --help. */
  | { code: "COMMAND_MISUSE"; flag: string }
  /** What is on the chain, or recorded in a file, is not what was expected. Do: read the message. */
  | { code: "COMMAND_REFUSED"; why: string }
> {
  get exit(): 1 | 2 {
    return this.code === "COMMAND_MISUSE" ? 2 : 1;
  }
}

/** Throws COMMAND_MISUSE. */
export function misuse(flag: string, message: string): never {
  throw new CommandError({ code: "COMMAND_MISUSE", flag }, message);
}

/** An amount of wei in coins, with at most six digits after the point that mean something. */
export function coins(wei: bigint, { coin }: Pick<ChainFacts, "coin">): string {
  const [whole, part = ""] = formatEther(wei).split(".");
  const leading = /^0*/.exec(part)?.[0].length ?? 0;
  const kept = part.slice(0, (whole === "0" ? leading : 0) + 4).replace(/0+$/, "");
  return `${whole}${kept ? `.${kept}` : ""} ${coin}`;
}

/** Amount for a unit of gas, in gwei. */
export function gwei(wei: bigint): string {
  const text = formatGwei(wei);
  return `${text.includes(".") ? Number(text).toPrecision(3) : text} gwei`;
}

/** A JSON-RPC address as `--rpc` takes it. Throws COMMAND_MISUSE, without the secrets in it. */
export function rpcUrl(value: string | undefined, usage: string): string {
  if (value === undefined) return misuse("--rpc", `--rpc is missing; ${usage}`);
  const protocol = URL.parse(value)?.protocol;
  if (protocol === "ws:" || protocol === "wss:")
    return misuse("--rpc", "--rpc is a WebSocket address; an http or https one is needed");
  if (protocol !== "http:" && protocol !== "https:")
    return misuse("--rpc", "--rpc must be an address such as https://sepolia.base.org");
  return value;
}
