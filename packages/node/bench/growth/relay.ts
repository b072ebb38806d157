/** One relay in a process of its own, so that what it costs is told apart; told "read", it tells its counts. */
import { createRelay } from "@tabcast/mesh/relay";
import { gossipRules, peersWire, TOPICS } from "@tabcast/protocol";
import { systemClock } from "@tabcast/runtime";
import { serveDirectory } from "../../src/directory/serve.ts";
import { tally } from "./tally.ts";

const [directory = "", ...peers] = process.argv.slice(2);
const { meter, read } = tally();
process.on("uncaughtException", () => {}); // libp2p lets failures of sockets that are torn down escape
process.on("unhandledRejection", () => {});
const relay = await createRelay({
  directory,
  listen: ["/ip4/127.0.0.1/tcp/0/ws"],
  topics: TOPICS,
  rules: gossipRules({ clock: systemClock, as: "relay" }),
  wire: peersWire,
  peers,
  meter,
});
serveDirectory(relay, { clock: systemClock, signal: new AbortController().signal });
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ counts: [...read()], cpuMs: (user + system) / 1_000, stats: relay.stats() });
});
process.on("disconnect", () => process.exit(0));
process.send?.({ addrs: relay.addrs });
