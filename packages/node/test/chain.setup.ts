import { anvil } from "@tabcast/channel/testing";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    /** A private chain with the contract on it, for pages. */
    chain: { rpc: string; chainId: number; contract: `0x${string}` };
  }
}

/** Starts the chain on which test pages pay each other, and stops it after the last test. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { rpc, domain, close } = await anvil();
  project.provide("chain", { rpc, ...domain });
  return close;
}
