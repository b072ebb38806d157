import type { Page } from "@playwright/test";

/** What the wallet does with the next question, and what it was asked. */
interface Pocket {
  chainId: number;
  /** Whether the person let the page see the account. */
  connected: boolean;
  rejectNext: boolean;
  /** Transactions that it showed to the person. */
  prompts: number;
  /** Requests to sign that it showed to the person. */
  signings: number;
}

/** A wallet that the page's browser announces (EIP-6963), over an account that anvil signs for. */
export interface Injected {
  /** Transactions that it showed to the person so far. */
  prompts(): Promise<number>;
  /** Requests to sign that it showed to the person so far. */
  signings(): Promise<number>;
  /** Says no to the next transaction or request to sign. */
  rejectNext(): Promise<void>;
}

/** Puts the wallet into a page that is not loaded yet; it begins on `chainId` and knows how to switch. */
export async function inject(
  page: Page,
  { rpc, account, chainId }: { rpc: string; account: string; chainId: number },
): Promise<Injected> {
  await page.addInitScript(
    ({ rpc, account, chainId }) => {
      const pocket: Pocket = {
        chainId,
        connected: false,
        rejectNext: false,
        prompts: 0,
        signings: 0,
      };
      Object.assign(globalThis, { pocket });
      const listeners = new Map<string, Set<(value: unknown) => void>>();
      const tell = (event: string, value: unknown) => {
        for (const listener of listeners.get(event) ?? []) listener(value);
      };
      const answer = () => {
        if (!pocket.rejectNext) return;
        pocket.rejectNext = false;
        throw Object.assign(new Error("User rejected the request."), { code: 4001 });
      };
      const forward = async (method: string, params: unknown) => {
        const response = await fetch(rpc, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
        });
        const { result, error } = (await response.json()) as { result?: unknown; error?: unknown };
        if (error !== undefined) throw error;
        return result;
      };
      const provider = {
        on: (event: string, listener: (value: unknown) => void) => {
          const own = listeners.get(event) ?? new Set();
          listeners.set(event, own.add(listener));
        },
        removeListener: (event: string, listener: (value: unknown) => void) => {
          listeners.get(event)?.delete(listener);
        },
        async request({ method, params = [] }: { method: string; params?: unknown[] }) {
          switch (method) {
            case "eth_accounts":
              return pocket.connected ? [account] : [];
            case "eth_requestAccounts":
              pocket.connected = true;
              return [account];
            case "wallet_requestPermissions":
              pocket.connected = true;
              return [
                {
                  parentCapability: "eth_accounts",
                  caveats: [{ type: "restrictReturnedAccounts", value: [account] }],
                },
              ];
            case "eth_chainId":
              return `0x${pocket.chainId.toString(16)}`;
            case "wallet_switchEthereumChain":
              pocket.chainId = Number((params[0] as { chainId: string }).chainId);
              tell("chainChanged", `0x${pocket.chainId.toString(16)}`);
              return null;
            case "eth_sendTransaction":
              pocket.prompts++;
              answer();
              return forward(method, params);
            case "eth_signTypedData_v4":
              pocket.signings++;
              answer();
              // anvil takes the typed data itself, wallets take its text.
              return forward(method, [params[0], JSON.parse(params[1] as string)]);
            default:
              return forward(method, params);
          }
        },
      };
      const info = {
        uuid: "6d1c4c1e-5f0b-4d0e-9a53-3f1f3a0d7c11",
        name: "Test wallet",
        icon: "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>",
        rdns: "test.wallet",
      };
      const announce = () =>
        dispatchEvent(
          new CustomEvent("eip6963:announceProvider", {
            detail: Object.freeze({ info, provider }),
          }),
        );
      addEventListener("eip6963:requestProvider", announce);
      announce();
    },
    { rpc, account, chainId },
  );
  const read = (what: "prompts" | "signings") =>
    page.evaluate((what) => (globalThis as unknown as { pocket: Pocket }).pocket[what], what);
  return {
    prompts: () => read("prompts"),
    signings: () => read("signings"),
    rejectNext: () =>
      page.evaluate(() => {
        (globalThis as unknown as { pocket: Pocket }).pocket.rejectNext = true;
      }),
  };
}
