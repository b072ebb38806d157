import { afterAll, beforeAll, expect, test } from "vitest";
import { localnet } from "./localnet.ts";
import { tree } from "./memory.ts";
import type { Localnet, NetEvent } from "./types.ts";

const events: NetEvent[] = [];
let net: Localnet;
beforeAll(async () => {
  net = await localnet({ workers: 1, on: (event) => events.push(event) });
}, 60_000);
afterAll(() => net.close());

test("a network stands with its chain, relay, pages and a measured worker, and says so", async () => {
  expect(events.map(({ type }) => type)).toEqual(
    expect.arrayContaining(["chain", "relay", "pages", "worker"]),
  );
  const [worker] = net.workers;
  expect(worker?.payee).toMatch(/^0x[0-9a-fA-F]{40}$/);
  expect(worker?.capabilities[0]?.pixelsPerSecond).toBeGreaterThan(0);
  const config = await (await fetch(`${net.origin}/tabcast.json`)).json();
  expect(config).toEqual(net.config);
  expect(net.relay().stats.reservations).toBe(1);
});

test("the pages have no host but this machine's loopback", () => {
  for (const address of [net.origin, net.config.chain.rpc, ...net.config.relays])
    expect(address).toContain("127.0.0.1");
});

test("a relay that was restarted is the same peer at the same place, and a new worker joins through it", async () => {
  const { id, addrs } = net.relay();
  await net.restartRelay();
  expect(net.relay()).toMatchObject({ id, addrs });
  const worker = await net.addWorker();
  expect(net.workers).toContain(worker);
  expect(worker.peer).not.toBe(net.workers[0]?.peer);
  await worker.close();
  expect(net.workers).not.toContain(worker);
});

test("two networks stand side by side", async () => {
  const other = await localnet();
  expect(other.origin).not.toBe(net.origin);
  expect(other.relay().id).not.toBe(net.relay().id);
  await other.close();
});

test("a start that is given up leaves nothing behind", async () => {
  const before = new Set(tree(process.pid));
  await expect(localnet({ signal: AbortSignal.abort(new Error("no")) })).rejects.toThrow("no");
  await expect
    .poll(() => tree(process.pid).filter((pid) => !before.has(pid)), { timeout: 5_000 })
    .toEqual([]);
});

test("closing twice is closing once: port and chain are gone", async () => {
  const short = await localnet();
  const { origin, chain } = short;
  await Promise.all([short.close(), short.close()]);
  await short.close();
  await expect(fetch(origin)).rejects.toThrow();
  await expect(fetch(chain.rpc)).rejects.toThrow();
});
