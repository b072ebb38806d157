import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Relay } from "@tabcast/mesh/relay";
import { systemClock } from "@tabcast/runtime";

/** The network's relay, which can be stopped and started again. */
export interface NetRelay {
  now(): Relay;
  /** Stops it and starts it again with its key and port, as after a crash. */
  restart(): Promise<Relay>;
  close(): Promise<void>;
}

/** Starts a relay on a free port. Its key lies in `directory`, or in a folder that goes with the relay. */
export async function openRelay(directory: string | undefined): Promise<NetRelay> {
  const folder = directory ?? (await mkdtemp(join(tmpdir(), "tabcast-relay-")));
  const forget = async (): Promise<void> => {
    if (directory === undefined) await rm(folder, { recursive: true, force: true });
  };
  const start = async (port: number): Promise<Relay> => {
    const [{ createRelay }, { gossipRules, peersWire, TOPICS }, { serveDirectory }] =
      await Promise.all([
        import("@tabcast/mesh/relay"),
        import("@tabcast/protocol"),
        import("@tabcast/node/directory"),
      ]);
    const rules = gossipRules({ clock: systemClock, as: "relay" });
    const listen = [`/ip4/127.0.0.1/tcp/${port}/ws`];
    const options = { directory: folder, listen, topics: TOPICS, rules, wire: peersWire };
    const relay = await createRelay(options);
    serveDirectory(relay, { clock: systemClock, signal: new AbortController().signal });
    return relay;
  };
  let relay: Relay;
  try {
    relay = await start(0);
  } catch (error) {
    await forget();
    throw error;
  }
  return {
    now: () => relay,
    async restart() {
      const port = Number(/\/tcp\/(\d+)/.exec(relay.addrs[0] ?? "")?.[1] ?? 0);
      await relay.close();
      relay = await start(port);
      return relay;
    },
    async close() {
      await relay.close();
      await forget();
    },
  };
}
