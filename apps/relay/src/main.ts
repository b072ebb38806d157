#!/usr/bin/env node
import { parseArgs } from "node:util";
import { MeshError } from "@tabcast/mesh";
import { createRelay } from "@tabcast/mesh/relay";
import { serveDirectory } from "@tabcast/node/directory";
import { gossipRules, peersWire, TOPICS } from "@tabcast/protocol";
import { describe, systemClock } from "@tabcast/runtime";

const HELP = `tabcast-relay: introduces tabs to each other and forwards their gossip, never media.

  --port NUMBER     TCP port of the WebSocket, 0 for a free one (default 9001)
  --host ADDRESS    IP address to listen on (default 127.0.0.1)
  --dir FOLDER      where its key lies, so that it keeps its id (default ./.tabcast-relay)
  --peer MULTIADDR  another relay of the network, ending in /p2p/<id>; may be repeated
  --announce MULTIADDR
                    what to advertise instead, such as /dns4/relay.example.org/tcp/443/tls/ws
                    behind a TLS proxy; may be repeated
  --slots-per-address NUMBER
                    most slots of one IPv4 address or IPv6 /64 (default 64); loopback and private
                    addresses, such as a proxy's, are exempt
  --json            one JSON object per line instead of text
  --help            this text
`;

/** A command line that makes no sense. Its message is for a person. */
class UsageError extends Error {}

function read(args: readonly string[]) {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (thrown) {
    throw new UsageError(describe(thrown).split(". ")[0]);
  }
  const { port, host, dir, peer, announce, json, help, "slots-per-address": slots } = values;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw new UsageError(`--port must be a number from 0 to 65535, got ${port}`);
  const family = /^\d{1,3}(\.\d{1,3}){3}$/.test(host) ? "ip4" : host.includes(":") ? "ip6" : "";
  if (family === "") throw new UsageError(`--host must be an IP address, got ${host}`);
  for (const address of peer)
    if (!/\/p2p\/[A-Za-z0-9]+$/.test(address))
      throw new UsageError(`--peer must end in /p2p/<relay id>, got ${address}`);
  if (!/^[1-9]\d{0,5}$/.test(slots))
    throw new UsageError(`--slots-per-address must be a number from 1 to 999999, got ${slots}`);
  const listen = `/${family}/${host}/tcp/${port}/ws`;
  return { listen, dir, peer, announce, slots: Number(slots), json, help };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      port: { type: "string", default: "9001" },
      host: { type: "string", default: "127.0.0.1" },
      dir: { type: "string", default: ".tabcast-relay" },
      peer: { type: "string", multiple: true, default: [] },
      announce: { type: "string", multiple: true, default: [] },
      "slots-per-address": { type: "string", default: "64" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  }).values;
}

async function main(): Promise<void> {
  const options = read(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const say = (event: string, values: Readonly<Record<string, unknown>>) => {
    const text = Object.entries(values).map(
      ([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`,
    );
    console.log(options.json ? JSON.stringify({ event, ...values }) : [event, ...text].join("  "));
  };
  // libp2p lets a failure of a socket that is being torn down escape now and then (js-libp2p#3415); a relay must outlive it.
  process.on("uncaughtException", (thrown) => console.error(describe(thrown)));
  process.on("unhandledRejection", (thrown) => console.error(describe(thrown)));
  // Before the relay says that it listens: whoever reads that may stop it at once.
  const asked = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, resolve);
  });
  const relay = await createRelay({
    directory: options.dir,
    listen: [options.listen],
    announce: options.announce,
    topics: TOPICS,
    rules: gossipRules({ clock: systemClock, as: "relay" }),
    wire: peersWire,
    peers: options.peer,
    slotsPerAddress: options.slots,
  });
  serveDirectory(relay, { clock: systemClock, signal: new AbortController().signal });
  for (const addr of relay.addrs) say("listening", { addr });
  let last = "";
  const report = setInterval(() => {
    const { peers, reservations } = relay.stats();
    const now = `${peers} ${reservations}`;
    if (now !== last) say("peers", { peers, reservations });
    last = now;
  }, 2_000);
  const signal = await asked;
  clearInterval(report);
  say("stopping", { signal });
  await relay.close();
  // A socket that is still being torn down must not keep the process.
  process.exit(0);
}

main().catch((thrown) => {
  // One line for what a person can mend; the whole story for what nobody expected.
  const known = thrown instanceof UsageError || thrown instanceof MeshError;
  console.error(`tabcast-relay: ${known ? thrown.message : (thrown?.stack ?? thrown)}`);
  process.exit(1);
});
