import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { Chain, type Domain } from "@tabcast/channel";
import { createTestClient, http, type LocalAccount } from "viem";
import { privateKeyToAccount } from "viem/accounts";

/** Keys that anvil fills with 10_000 ETH each; published with it, of no worth anywhere else. */
export const KEYS = [
  "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
  "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
  "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
  "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
] as const;

/** A private chain. */
export interface BareAnvil {
  readonly rpc: string;
  /** [payer, worker, worker, watchtower], 10_000 ETH each. */
  readonly accounts: readonly [LocalAccount, LocalAccount, LocalAccount, LocalAccount];
  /** Moves the chain's clock, in seconds, and makes a block. */
  warp(seconds: number): Promise<void>;
  setBalance(account: LocalAccount, wei: bigint): Promise<void>;
  /** Any of anvil's own calls: snapshots, reorganisations, dropped transactions, prices. */
  cheat(method: string, ...params: readonly unknown[]): Promise<unknown>;
  close(): Promise<void>;
}

/** A private chain with the contract on it. */
export interface Anvil extends BareAnvil {
  readonly domain: Domain;
}

/** A private chain with the contract on it, on a free loopback port; `flags` are anvil's own, such as another chain id. */
export async function anvil(flags: readonly string[] = []): Promise<Anvil> {
  const bare = await bareAnvil(flags);
  const signal = AbortSignal.timeout(20_000);
  const { domain } = await Chain.deploy({ rpc: bare.rpc, wallet: bare.accounts[0], signal });
  return { ...bare, domain };
}

/** A private chain with nothing on it. */
export async function bareAnvil(flags: readonly string[] = []): Promise<BareAnvil> {
  const bin = createRequire(import.meta.url).resolve("@foundry-rs/anvil/bin.mjs");
  const child = spawn(process.execPath, [bin, "--port", "0", "--host", "127.0.0.1", ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const rpc = await new Promise<string>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`anvil ended with ${code} before it listened`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const address = /Listening on (\S+)/.exec(line)?.[1];
      if (address) resolve(`http://${address}`);
    });
  });
  const [a, b, c, d] = KEYS;
  const accounts = [a, b, c, d].map((key) => privateKeyToAccount(key)) as unknown as [
    LocalAccount,
    LocalAccount,
    LocalAccount,
    LocalAccount,
  ];
  const client = createTestClient({ mode: "anvil", transport: http(rpc) });
  return {
    rpc,
    accounts,
    async warp(seconds) {
      await client.increaseTime({ seconds });
      await client.mine({ blocks: 1 });
    },
    setBalance: ({ address }, value) => client.setBalance({ address, value }),
    cheat: (method, ...params) =>
      client.request({ method, params } as unknown as Parameters<typeof client.request>[0]),
    async close() {
      child.kill("SIGTERM");
      await gone;
    },
  };
}
