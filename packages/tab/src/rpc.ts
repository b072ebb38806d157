import type { Address, Hex } from "@tabcast/channel";
import type { Wei } from "@tabcast/runtime";
import type { Bag } from "./bag.ts";
import { TabError } from "./errors.ts";
import type { Identity } from "./identity.ts";

/** A question may take this long, in milliseconds. */
const PATIENCE = 10_000;

/** Whose transaction it was. */
export interface Sent {
  readonly from: Address;
  /** 0x and at most 8 digits: the function that was called, or nothing. */
  readonly call: Hex;
}

/** Looks at the chain without loading a chain library. */
export interface Rpc {
  /** The coins of an account. Throws TAB_CHAIN. */
  balance(address: Address): Promise<Wei>;
  /** Who sent a transaction, and the four bytes that name what it called; undefined for one that the server does not know. Throws TAB_CHAIN. */
  sent(hash: Hex): Promise<Sent | undefined>;
  /** Number of the newest block. Throws TAB_CHAIN. */
  block(): Promise<number>;
  /** Moves a local chain's clock to `until`, in Unix seconds. Any real chain refuses. */
  skipWait(until: number): Promise<void>;
}

export function openRpc({ outside, signal }: Bag, identity: Pick<Identity, "config">): Rpc {
  async function call(method: string, params: readonly unknown[]): Promise<unknown> {
    const { chain } = await identity.config();
    const response = await outside.fetch(chain.rpc, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
      signal: AbortSignal.any([signal, outside.clock.timeout(PATIENCE)]),
    });
    const { result, error } = (await response.json()) as { result?: unknown; error?: unknown };
    if (error !== undefined)
      throw new TabError(
        { code: "TAB_CHAIN", method },
        `the chain refuses ${method}: ${JSON.stringify(error).slice(0, 200)}`,
      );
    return result;
  }

  async function number(method: string, params: readonly unknown[]): Promise<bigint> {
    const result = await call(method, params);
    if (typeof result !== "string" || !/^0x[0-9a-f]{1,64}$/i.test(result))
      throw new TabError(
        { code: "TAB_CHAIN", method },
        `the chain's answer to ${method} is no number`,
      );
    return BigInt(result);
  }

  return {
    balance: async (address) => (await number("eth_getBalance", [address, "latest"])) as Wei,
    async sent(hash) {
      const found = (await call("eth_getTransactionByHash", [hash])) as Partial<
        Record<"from" | "input", unknown>
      > | null;
      const { from, input } = found ?? {};
      if (typeof from !== "string" || typeof input !== "string") return undefined;
      if (!/^0x[0-9a-f]{40}$/i.test(from) || !/^0x[0-9a-f]*$/i.test(input)) return undefined;
      return { from: from as Address, call: input.slice(0, 10) as Hex };
    },
    block: async () => Number(await number("eth_blockNumber", [])),
    async skipWait(until) {
      await call("evm_setNextBlockTimestamp", [until + 1]);
      await call("evm_mine", []);
    },
  };
}
