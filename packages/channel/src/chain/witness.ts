import type { Transport } from "viem";
import { ChainError, shown } from "./chain-error.ts";

type Asked = { readonly method: string; readonly params?: unknown };

/**
 * Asks two servers what both must know alike: the chain's id, a contract's code, a call at a block that is named, a receipt.
 * A witness that fails has no say; one that has no receipt yet is waited for. Throws CHAIN_DISAGREES.
 */
export function witnessed(
  main: Transport,
  second: Transport,
  { url, witness }: { readonly url: string; readonly witness: string },
): Transport {
  return (parameters) => {
    const [a, b] = [main(parameters), second(parameters)];
    const request = async (args: Asked, options?: unknown): Promise<unknown> => {
      const ask = (of: typeof a) => of.request(args as never, options as never) as Promise<unknown>;
      const first = ask(a);
      if (!shared(args)) return first;
      // Two times, because one of them may be about to hear of a block.
      for (let attempt = 1; ; attempt++) {
        const [said, other] = await Promise.all([
          attempt === 1 ? first : ask(a),
          ask(b).catch(() => undefined),
        ]);
        if (other === undefined || same(args.method, said, other)) return said;
        // No receipt where the other has one, or none here: not deep enough in the chain for both.
        if (said === null || other === null) return null;
        if (attempt === 2)
          throw new ChainError(
            { code: "CHAIN_DISAGREES", rpc: url, witness, method: args.method },
            `the RPC servers ${shown(url)} and ${shown(witness)} answer ${args.method} differently`,
          );
      }
    };
    return { ...a, request } as ReturnType<Transport>;
  };
}

/** True for a question whose answer does not depend on how far a server has got. */
function shared({ method, params }: Asked): boolean {
  const [, tag] = Array.isArray(params) ? params : [];
  switch (method) {
    case "eth_chainId":
    case "eth_getCode":
    case "eth_getTransactionReceipt":
      return true;
    case "eth_call":
      return typeof tag === "string" && tag.startsWith("0x");
    default:
      return false;
  }
}

function same(method: string, a: unknown, b: unknown): boolean {
  if (method !== "eth_getTransactionReceipt") return lower(a) === lower(b);
  return essence(a) === essence(b);
}

const lower = (value: unknown) => (typeof value === "string" ? value.toLowerCase() : value);

/** What a receipt says that counts, as one text: which block, how it ended, what was told. */
function essence(receipt: unknown): string {
  if (typeof receipt !== "object" || receipt === null) return "none";
  const { blockHash, status, logs } = receipt as {
    blockHash: string;
    status: string;
    logs: readonly { address: string; topics: readonly string[]; data: string }[];
  };
  const told = logs.map(({ address, topics, data }) => [address, topics, data]);
  return JSON.stringify([blockHash, Number(status), told]).toLowerCase();
}
