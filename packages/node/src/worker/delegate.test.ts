import type { HeldVoucher, Hex, Watchtower } from "@tabcast/channel";
import { LIVE } from "@tabcast/market";
import { type MemoryNetwork, memory, memoryNetwork } from "@tabcast/mesh";
import { Keys, PROTOCOLS, peerIdOf } from "@tabcast/protocol";
import { Amount, type Clock, Millis, systemClock } from "@tabcast/runtime";
import { beforeEach, expect, test } from "vitest";
import { answer } from "../exchange.ts";
import { openRateLimiter } from "../rate-limiter.ts";
import { openDelegation, serveWatchtower } from "./delegate.ts";

const signal = AbortSignal.timeout(60_000);
const address = (byte: string) => `0x${byte.repeat(20)}` as const;
const domain = { chainId: 31_337, contract: address("01") };
const config = {
  payer: address("02"),
  signer: address("03"),
  token: address("00"),
  challengePeriod: 900,
  salt: `0x${"00".repeat(32)}`,
} as const;
const potId = `0x${"07".repeat(32)}` as const;

/** A voucher over `total` wei, of which so much is outstanding. */
const heldOf = (total: bigint, outstanding = total, of: Hex = potId, lane = 1): HeldVoucher => ({
  voucher: {
    potId: of,
    payee: address("aa"),
    lane,
    cumulative: Amount.of(total),
    signature: `0x${"11".repeat(64)}1b`,
  },
  domain,
  config,
  outstanding: Amount.of(outstanding),
});

/** Milliseconds by which the clocks of these tests are ahead. */
let ahead = 0;
const clock: Clock = { ...systemClock, now: () => Millis.of(systemClock.now() + ahead) };

/** A clock whose long sleeps end when the test says. */
function stepped(): Clock & { step(): Promise<void> } {
  let ends: (() => void)[] = [];
  return {
    ...clock,
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
  let places = room;
  const watchtower = {
    async accept(...[, , voucher]: Parameters<Watchtower["accept"]>) {
      if (kept.length >= places) throw new Error("no room");
      kept.push(voucher.cumulative);
    },
  } as unknown as Watchtower;
  const context = { mesh, clock, signal };
  const limiter = openRateLimiter(context, LIVE, () => {});
  serveWatchtower(context, { watchtower, limiter });
  return {
    self: mesh.self,
    kept,
    makeRoom() {
      places = 8;
    },
  };
}

/** A worker that holds a voucher over `total` wei, of which all is outstanding. */
async function worker() {
  const mesh = await join();
  const clock = stepped();
  const holds = { total: 100n, outstanding: 100n };
  const more: HeldVoucher[] = [];
  const purse = {
    held: () => [
      ...(holds.outstanding > 0n ? [heldOf(holds.total, holds.outstanding)] : []),
      ...more,
    ],
  };
  const told: (number | undefined)[] = [];
  const delegation = openDelegation(
    { mesh, clock, signal },
    { purse, kept: (_, keepers) => told.push(keepers) },
  );
  return { mesh, clock, holds, more, delegation, told };
}

test("a voucher is kept by two peers, and asked of no third", async () => {
  const { delegation, told } = await worker();
  const keepers = await Promise.all([keeper(), keeper(), keeper()]);
  await join(); // keeps nothing
  await delegation.now();
  expect(keepers.flatMap(({ kept }) => kept)).toEqual([100n, 100n]);
  await delegation.now();
  expect(keepers.flatMap(({ kept }) => kept)).toEqual([100n, 100n]);
  expect(told).toEqual([2]);
});

test("a voucher that rose goes to the peers that keep the one before it", async () => {
  const { delegation, holds } = await worker();
  const keepers = await Promise.all([keeper(), keeper(), keeper(), keeper()]);
  await delegation.now();
  holds.total = 120n;
  await delegation.now();
  expect(keepers.map(({ kept }) => kept).filter(({ length }) => length > 0)).toEqual([
    [100n, 120n],
    [100n, 120n],
  ]);
});

test("a keeper that leaves is replaced, although the voucher did not rise", async () => {
  const { mesh, delegation, clock, told } = await worker();
  const near = () => mesh.neighbours().map(({ peer }) => peer);
  const keepers = await Promise.all([keeper(), keeper(), keeper()]);
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
  const { mesh, delegation, holds, told } = await worker();
  const near = () => mesh.neighbours().map(({ peer }) => peer);
  const [full, one, two] = await Promise.all([keeper(0), keeper(), keeper()]);
  await delegation.now();
  expect([one.kept, two.kept]).toEqual([[100n], [100n]]);
  expect(told).toEqual([2]);
  network.kill(one.self);
  await expect.poll(near).not.toContain(one.self);
  await delegation.now();
  expect(told.at(-1)).toBe(1);
  holds.total = 200n;
  await delegation.now();
  expect(two.kept).toEqual([100n, 200n]);
  expect(full.kept).toEqual([]);
});

test("a voucher that nobody keeps is said to have no keeper", async () => {
  const { delegation, holds, told } = await worker();
  await join();
  await delegation.now();
  await delegation.now();
  expect(told).toEqual([0]);
  holds.outstanding = 0n;
  await delegation.now();
  expect(told).toEqual([0, undefined]);
});

test("a voucher of which nothing is outstanding is given to nobody", async () => {
  const { delegation, holds, told } = await worker();
  const { kept } = await keeper();
  holds.outstanding = 0n;
  await delegation.now();
  expect(kept).toEqual([]);
  expect(told).toEqual([]);
});

test("what the books hold from before a reload gets its two keepers, although no voucher comes", async () => {
  const { clock, told } = await worker();
  const keepers = await Promise.all([keeper(), keeper(), keeper()]);
  await clock.step();
  await expect.poll(() => told).toEqual([2]);
  expect(keepers.flatMap(({ kept }) => kept)).toEqual([100n, 100n]);
});

test("who pays from a pot is not asked to keep its vouchers", async () => {
  const { delegation, told } = await worker();
  const [payer, other] = await Promise.all([keeper(), keeper()]);
  delegation.hired(potId, payer.self);
  await delegation.now();
  expect(told).toEqual([1]);
  expect(payer.kept).toEqual([]);
  expect(other.kept).toEqual([100n]);
});

test("who turns out to pay from a pot is no keeper of its vouchers any more", async () => {
  const { delegation, told } = await worker();
  const payer = await keeper();
  await keeper();
  await delegation.now();
  expect(told).toEqual([2]);
  const other = await keeper();
  delegation.hired(potId, payer.self);
  await delegation.now();
  expect(other.kept).toEqual([100n]);
  expect(told).toEqual([2]);
});

test("a peer that had no room, or could not answer, is asked again ten minutes later", async () => {
  const { delegation, told } = await worker();
  const { kept } = await keeper();
  const full = await keeper(0);
  await delegation.now();
  expect(told).toEqual([1]);
  full.makeRoom();
  ahead += 599_000;
  await delegation.now();
  expect(full.kept).toEqual([]);
  ahead += 1_000;
  await delegation.now();
  expect([kept, full.kept]).toEqual([[100n], [100n]]);
  expect(told).toEqual([1, 2]);
});

test("a tab that closes asks peers again that refused a moment ago", async () => {
  const { delegation, told } = await worker();
  const full = await keeper(0);
  await delegation.now();
  full.makeRoom();
  await delegation.now();
  expect(full.kept).toEqual([]);
  await delegation.last();
  expect(full.kept).toEqual([100n]);
  expect(told).toEqual([0, 1]);
});

test("a keeper that was asked for too much at once is asked again", async () => {
  const { delegation, more, holds } = await worker();
  const pot = (i: number): Hex => `0x${i.toString(16).padStart(64, "0")}`;
  const [one] = await Promise.all([keeper(99), keeper(99)]);
  await delegation.now();
  for (let i = 0; i < 8; i++) more.push(heldOf(50n, undefined, pot(i + 1)));
  await delegation.now(); // one more than the burst that peers take
  expect(one.kept).toHaveLength(8);
  holds.total = 120n;
  ahead += 30_000;
  await delegation.now();
  expect(one.kept).toContain(120n);
  expect(one.kept).toHaveLength(10);
});

/** One more look, 30 seconds later. */
async function later({ delegation }: Awaited<ReturnType<typeof worker>>): Promise<void> {
  ahead += 30_000;
  await delegation.now();
}

test("after a reload with many vouchers a peer is asked for eight at a time, those worth most first, until each has two keepers", async () => {
  const tab = await worker();
  const { delegation, more } = tab;
  const pot = (i: number): Hex => `0x${i.toString(16).padStart(64, "0")}`;
  for (let i = 0; i < 19; i++) more.push(heldOf(90n - BigInt(i), undefined, pot(i + 1)));
  const [one, two] = await Promise.all([keeper(99), keeper(99)]);
  await delegation.now();
  const best = [100n, 90n, 89n, 88n, 87n, 86n, 85n, 84n];
  expect([one.kept, two.kept]).toEqual([best, best]);
  await later(tab);
  await later(tab);
  const all = [100n, ...Array.from({ length: 19 }, (_, i) => 90n - BigInt(i))];
  expect([one.kept, two.kept]).toEqual([all, all]);
  await later(tab);
  expect(one.kept).toHaveLength(20);
});

test("at most 32 vouchers are given away at a time, and none beyond the 128 that are worth most", async () => {
  const tab = await worker();
  const { delegation, more } = tab;
  const pot = (i: number): Hex => `0x${i.toString(16).padStart(64, "0")}`;
  for (let i = 0; i < 150; i++) more.push(heldOf(99n, undefined, pot(i + 1)));
  const keepers = await Promise.all(Array.from({ length: 20 }, () => keeper(999)));
  const given = () => keepers.flatMap(({ kept }) => kept).length;
  await delegation.now();
  expect(given()).toBe(64);
  for (let i = 0; i < 9; i++) await later(tab);
  expect(given()).toBe(256);
});

test("a peer whose answers mean nothing keeps no voucher from the one peer that would have it", async () => {
  const tab = await worker();
  const { more } = tab;
  const pot = (i: number): Hex => `0x${i.toString(16).padStart(64, "0")}`;
  for (let i = 0; i < 39; i++) more.push(heldOf(99n, undefined, pot(i + 1)));
  const { kept } = await keeper(99);
  answer(await join(), PROTOCOLS.delegate, signal, async () => new Uint8Array([255]));
  for (let i = 0; i < 10; i++) await later(tab);
  expect(kept).toHaveLength(40);
});

test("where a pot has two lanes of the payee, that with fewest keepers is told", async () => {
  const { delegation, more, told } = await worker();
  await keeper(1);
  await keeper();
  more.push(heldOf(50n, undefined, potId, 2));
  await delegation.now();
  expect(told.at(-1)).toBe(1);
});
