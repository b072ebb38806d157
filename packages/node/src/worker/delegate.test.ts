import type { Purse, SignedVoucher, Watchtower } from "@tabcast/channel";
import { LIVE } from "@tabcast/market";
import { type MemoryNetwork, memory, memoryNetwork } from "@tabcast/mesh";
import { Keys, type Pot, peerIdOf } from "@tabcast/protocol";
import { type Amount, type Clock, systemClock } from "@tabcast/runtime";
import { beforeEach, expect, test } from "vitest";
import { openRateLimiter } from "../rate-limiter.ts";
import { openDelegation, serveWatchtower } from "./delegate.ts";

const signal = AbortSignal.timeout(60_000);
const POT: Pot = {
  chainId: 31_337,
  contract: new Uint8Array(20).fill(1),
  payer: new Uint8Array(20).fill(2),
  signer: new Uint8Array(20).fill(3),
  token: new Uint8Array(20),
  challengeS: 900,
  salt: new Uint8Array(32),
};
const potId = `0x${"07".repeat(32)}` as const;

/** A clock whose long sleeps end when the test says. */
function stepped(): Clock & { step(): Promise<void> } {
  let ends: (() => void)[] = [];
  return {
    ...systemClock,
    sleep: (_, { signal } = {}) =>
      new Promise<void>((resolve, reject) => {
        ends.push(resolve);
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      }),
    async step() {
      await expect.poll(() => ends.length).toBeGreaterThan(0);
      const now = ends;
      ends = [];
      for (const end of now) end();
    },
  };
}

let network: MemoryNetwork;
beforeEach(() => {
  network = memoryNetwork({ lostAfter: 0 });
});

async function join() {
  const keys = await Keys.generate();
  return memory(network, { self: peerIdOf(keys.publicKey) });
}

/** A peer that keeps vouchers, up to `room` of them, and what it keeps. */
async function keeper(room = 8) {
  const mesh = await join();
  const kept: bigint[] = [];
  const watchtower = {
    async accept(...[, , voucher]: Parameters<Watchtower["accept"]>) {
      if (kept.length >= room) throw new Error("no room");
      kept.push(voucher.cumulative);
    },
  } as unknown as Watchtower;
  const context = { mesh, clock: systemClock, signal };
  const limiter = openRateLimiter(context, LIVE, () => {});
  serveWatchtower(context, { watchtower, limiter });
  return { self: mesh.self, kept };
}

/** A worker that holds a voucher over `total` wei, of which all is outstanding. */
async function worker() {
  const mesh = await join();
  const clock = stepped();
  const holds = { total: 100n, outstanding: 100n };
  const purse = {
    payee: `0x${"aa".repeat(20)}`,
    highest: (): SignedVoucher => ({
      potId,
      payee: `0x${"aa".repeat(20)}`,
      lane: 1,
      cumulative: holds.total as Amount,
      signature: `0x${"11".repeat(64)}1b`,
    }),
    outstanding: () => holds.outstanding as Amount,
  } as unknown as Purse;
  const told: (number | undefined)[] = [];
  const delegation = openDelegation(
    { mesh, clock, signal },
    { purse, kept: (_, keepers) => told.push(keepers) },
  );
  return { mesh, clock, holds, delegation, told, rose: () => delegation.rose(potId, POT, "payer") };
}

test("a voucher is kept by two peers, and asked of no third", async () => {
  const { delegation, rose, told } = await worker();
  const keepers = await Promise.all([keeper(), keeper(), keeper()]);
  await join(); // keeps nothing
  rose();
  await delegation.now();
  expect(keepers.flatMap(({ kept }) => kept)).toEqual([100n, 100n]);
  await delegation.now();
  expect(keepers.flatMap(({ kept }) => kept)).toEqual([100n, 100n]);
  expect(told).toEqual([2]);
});

test("a voucher that rose goes to the peers that keep the one before it", async () => {
  const { delegation, rose, holds } = await worker();
  const keepers = await Promise.all([keeper(), keeper(), keeper(), keeper()]);
  rose();
  await delegation.now();
  holds.total = 120n;
  rose();
  await delegation.now();
  expect(keepers.map(({ kept }) => kept).filter(({ length }) => length > 0)).toEqual([
    [100n, 120n],
    [100n, 120n],
  ]);
});

test("a keeper that leaves is replaced, although the voucher did not rise", async () => {
  const { mesh, delegation, clock, rose, told } = await worker();
  const near = () => mesh.neighbours().map(({ peer }) => peer);
  const keepers = await Promise.all([keeper(), keeper(), keeper()]);
  rose();
  await delegation.now();
  const [first, , ...others] = [...keepers].sort((a, b) => b.kept.length - a.kept.length);
  network.kill(first?.self ?? "");
  await expect.poll(near).not.toContain(first?.self);
  await clock.step();
  await expect.poll(() => others.flatMap(({ kept }) => kept)).toEqual([100n]);
  await clock.step();
  expect(told).toEqual([2]);
});

test("a peer that has no room is passed over, and asked again only for twice as much", async () => {
  const { mesh, delegation, rose, holds, told } = await worker();
  const near = () => mesh.neighbours().map(({ peer }) => peer);
  const [full, one, two] = await Promise.all([keeper(0), keeper(), keeper()]);
  rose();
  await delegation.now();
  expect([one.kept, two.kept]).toEqual([[100n], [100n]]);
  expect(told).toEqual([2]);
  network.kill(one.self);
  await expect.poll(near).not.toContain(one.self);
  await delegation.now();
  expect(told.at(-1)).toBe(1);
  holds.total = 200n;
  rose();
  await delegation.now();
  expect(two.kept).toEqual([100n, 200n]);
  expect(full.kept).toEqual([]);
});

test("a voucher that nobody keeps is said to have no keeper", async () => {
  const { delegation, rose, holds, told } = await worker();
  await join();
  rose();
  await delegation.now();
  await delegation.now();
  expect(told).toEqual([0]);
  holds.outstanding = 0n;
  await delegation.now();
  expect(told).toEqual([0, undefined]);
});

test("a voucher of which nothing is outstanding is given to nobody", async () => {
  const { delegation, rose, holds } = await worker();
  const { kept } = await keeper();
  holds.outstanding = 0n;
  rose();
  await delegation.now();
  holds.outstanding = 100n;
  await delegation.now();
  expect(kept).toEqual([]);
});
