import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { createRelay } from "./relay.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Where the relay of this test run listens, ending in /p2p/<relay id>. */
    relay: string;
  }
}

/** Starts the relay through which test pages meet, and stops it after the last test. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), "tabcast-relay-"));
  const relay = await createRelay({
    directory,
    listen: ["/ip4/127.0.0.1/tcp/0/ws"],
    topics: ["/tabcast/1/discovery", "/tabcast/1/offers", "/tabcast/test/ruled"],
  });
  project.provide("relay", relay.addrs[0] ?? "");
  return async () => {
    await relay.close();
    await rm(directory, { recursive: true, force: true });
  };
}
