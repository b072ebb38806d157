import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { secureRandom, systemClock } from "@tabcast/runtime";
import { guardGossip } from "../src/gossip.ts";
import type { Libp2pOptions } from "../src/libp2p.ts";
import { libp2p } from "../src/libp2p.ts";
import type { Mesh, PeerId } from "../src/mesh.ts";
import { createNode, type TabNode } from "../src/node.ts";
import { createRelay, type Relay, type RelayOptions } from "../src/relay.ts";
import { configuredRelays } from "../src/routes.ts";
import { slotsAt } from "../src/slots.ts";
import { plainWire } from "./wire.ts";

export const TOPIC = "/tabcast/1/discovery";
const none = new Uint8Array(0);

/** Real relays and tab nodes in this process: WebSocket and WebRTC over loopback, without a browser. */
export interface Nodes {
  relay(options?: Partial<RelayOptions>): Promise<Relay>;
  /** A tab that answers "/echo" and looks for nobody, reachable unless `alone`. */
  tab(
    relays: readonly string[],
    options?: Partial<Libp2pOptions> & { alone?: boolean },
  ): Promise<Mesh>;
  /** A libp2p node under a tab's transports, for what no tab of ours does. Started. */
  stranger(relays: readonly string[]): Promise<TabNode>;
  /** Has something closed at the end. */
  closing(close: () => unknown): void;
  /** Ends what was opened since. */
  close(): Promise<void>;
}

/** Nothing runs yet. */
export function openNodes(): Nodes {
  const closers: (() => unknown)[] = [];
  const seed = () => crypto.getRandomValues(new Uint8Array(32));
  return {
    async relay(options = {}) {
      const directory = await mkdtemp(join(tmpdir(), "tabcast-nodes-"));
      closers.push(() => rm(directory, { recursive: true, force: true }));
      const relay = await createRelay({
        directory,
        listen: ["/ip4/127.0.0.1/tcp/0/ws"],
        topics: [TOPIC],
        wire: plainWire,
        ...options,
      });
      closers.push(() => relay.close());
      return relay;
    },
    async tab(relays, { alone = false, ...options } = {}) {
      const mesh = await libp2p({
        seed: seed(),
        relays,
        iceServers: [],
        local: true,
        ...options,
      });
      closers.push(() => mesh.close());
      mesh.serve(
        "/echo",
        async function* (request) {
          yield request;
        },
        { signal: new AbortController().signal },
      );
      if (!alone) await mesh.reachable({ signal: AbortSignal.timeout(20_000) });
      return mesh;
    },
    async stranger(addresses) {
      const relays = configuredRelays(addresses, { local: true });
      const { transport } = slotsAt(relays);
      const guard = guardGossip({
        rules: new Map(),
        trusted: new Set(),
        clock: systemClock,
        random: secureRandom,
      });
      const node = await createNode(
        { seed: seed(), relays, circuit: transport, iceServers: [], local: true },
        guard,
      );
      await node.start();
      closers.push(() => node.stop());
      return node;
    },
    closing: (close) => void closers.push(close),
    async close() {
      for (const close of closers.splice(0).reverse()) await close();
    },
  };
}

/** Milliseconds until a peer has answered. */
export async function echo(
  from: Mesh,
  to: PeerId,
  addrs: readonly string[],
  ms = 30_000,
): Promise<number> {
  const began = performance.now();
  const options = { addrs, signal: AbortSignal.timeout(ms) };
  for await (const _ of from.request(to, "/echo", { head: none, body: none }, options));
  return Math.round(performance.now() - began);
}
