import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createRelay, type Relay, type RelayOptions } from "./relay.ts";

let directory: string;
let open: Relay[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tabcast-relay-unit-"));
});
afterEach(async () => {
  await Promise.all(open.map((relay) => relay.close()));
  open = [];
  await rm(directory, { recursive: true, force: true });
});

async function start(name: string, options: Partial<RelayOptions> = {}): Promise<Relay> {
  const relay = await createRelay({
    directory: join(directory, name),
    listen: ["/ip4/127.0.0.1/tcp/0/ws"],
    topics: ["/tabcast/1/discovery", "/tabcast/1/offers"],
    ...options,
  });
  open.push(relay);
  return relay;
}

test("relays of a network stay connected and share their topics, also after one restarts", async () => {
  const a = await start("a");
  const address = a.addrs[0] ?? "";
  const b = await start("b", { peers: [address] });
  const joined = { peers: 1, subscribers: { "/tabcast/1/discovery": 1, "/tabcast/1/offers": 1 } };
  await expect.poll(() => b.stats(), { timeout: 10_000 }).toMatchObject(joined);
  await a.close();
  await expect.poll(() => b.stats().peers).toBe(0);
  const again = await start("a", { listen: [address.split("/p2p/")[0] ?? ""] });
  expect(again.id).toBe(a.id);
  await expect.poll(() => b.stats(), { timeout: 10_000 }).toMatchObject(joined);
});

test("a relay may be closed twice", async () => {
  const relay = await start("a");
  await Promise.all([relay.close(), relay.close()]);
  await relay.close();
});

test("a taken port and a bad address are errors that name them", async () => {
  const relay = await start("a");
  const port = Number(relay.addrs[0]?.split("/")[4]);
  await expect(start("b", { listen: [`/ip4/127.0.0.1/tcp/${port}/ws`] })).rejects.toMatchObject({
    reason: { code: "MESH_PORT_IN_USE", host: "127.0.0.1", port },
  });
  await expect(start("c", { listen: ["not an address"] })).rejects.toMatchObject({
    code: "MESH_BAD_ADDRESS",
  });
});

test("a relay announces the addresses that it is told to", async () => {
  const relay = await start("a", { announce: ["/dns4/relay.example.org/tcp/443/tls/ws"] });
  expect(relay.addrs).toEqual([`/dns4/relay.example.org/tcp/443/tls/ws/p2p/${relay.id}`]);
});
