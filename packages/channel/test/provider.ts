import type { WalletProvider } from "@tabcast/channel";

/** A browser wallet over anvil's unlocked accounts. `answers` overrides methods, as a person or another chain would. */
export function provider(
  rpc: string,
  answers: Record<string, (params: unknown) => unknown> = {},
): WalletProvider & { readonly asked: string[] } {
  const asked: string[] = [];
  let id = 0;
  return {
    asked,
    async request({ method, params = [] }) {
      asked.push(method);
      const own = answers[method];
      if (own) return own(params);
      const response = await fetch(rpc, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id: ++id, method, params }),
      });
      const { result, error } = (await response.json()) as { result?: unknown; error?: unknown };
      if (error) throw error;
      return result;
    },
  };
}
