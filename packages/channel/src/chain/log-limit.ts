import { causesOf } from "./chain-error.ts";

/**
 * How servers say that one `eth_getLogs` asked for too much. Sources: messages of Alchemy, Infura, QuickNode, Ankr,
 * PublicNode, dRPC, reth, Cloudflare, 1RPC and Chainstack, as indexers on GitHub quote them, read 2026-11-30.
 */
const TOO_MUCH =
  /block range|blocks range|range (is )?too (large|wide|big)|query returned more than|response size exceeded|max(imum)? (block range|results)|limited to (a )?[\d, -]+ *(blocks? )?range|ranges over|too many (results|logs)|query timeout exceeded/i;

/** The range that a server would take, where it names one. */
const HINT = /\[0x([0-9a-f]{1,16}), *0x([0-9a-f]{1,16})\]|range (\d{1,19})-(\d{1,19})/i;

export interface LogLimit {
  /** The last block of the range that the server names. A hint, which may be wrong as well. */
  readonly to?: bigint;
}

/** What a failure says of a limit on events; undefined if it is about something else. */
export function logLimit(error: unknown): LogLimit | undefined {
  for (const { message } of causesOf(error)) {
    if (!TOO_MUCH.test(message)) continue;
    const hint = HINT.exec(message);
    if (hint?.[2]) return { to: BigInt(`0x${hint[2]}`) };
    return hint?.[4] ? { to: BigInt(hint[4]) } : {};
  }
  return undefined;
}
