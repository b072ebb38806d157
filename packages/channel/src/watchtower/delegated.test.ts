import type { Amount } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import type { LaneState, PotState } from "../chain/chain.ts";
import { memory } from "../store/memory.ts";
import type { Address, Hex, PotConfig, SignedVoucher } from "../types.ts";
import { laneKey } from "../voucher.ts";
import { Delegated, ROOM, type Seen } from "./delegated.ts";

const wei = (value: bigint | number) => BigInt(value) as Amount;
const address = (n: number) => `0x${n.toString(16).padStart(40, "0")}` as Address;
const hash = (n: number) => `0x${n.toString(16).padStart(64, "0")}` as Hex;
const NOW = 1_000;
const COST = { cost: wei(1) };

const configOf = (payer: number): PotConfig => ({
  payer: address(payer),
  signer: address(1),
  token: address(0),
  challengePeriod: 600,
  salt: hash(0),
});
const voucher = (pot: number, lane: number, cumulative = 100): SignedVoucher => ({
  potId: hash(pot),
  payee: address(2),
  lane,
  cumulative: wei(cumulative),
  signature: "0x",
});
/** A pot as a look shows it, with as much in it as all its lanes could want, unless told otherwise. */
function seen(
  lanes: readonly (readonly [SignedVoucher, Partial<LaneState>])[] = [],
  { balance = 1_000_000, reserved = 0 } = {},
): Seen {
  const unpaid = { claimed: wei(0), ceiling: wei(0), until: 0, version: 0 };
  return {
    pot: { balance: wei(balance), reserved: wei(reserved), closeAt: 0 } as PotState,
    lanes: new Map(lanes.map(([one, lane]) => [laneKey(one), { ...unpaid, ...lane }])),
    now: NOW,
  };
}
const empty = (room = ROOM, store = memory()) => Delegated.read(store, room);
const lanesOf = (delegated: Delegated) => delegated.all().map((one) => one.voucher.lane);

describe("the room for others' vouchers", () => {
  test("64 vouchers of one pot are kept, 128 of one payer and 512 in all, if nobody says otherwise", async () => {
    const delegated = await empty();
    const payers = [...Array(4).keys()];
    for (const payer of payers)
      for (const pot of [0, 1].map((n) => payer * 2 + n))
        for (let lane = 0; lane < 64; lane++)
          await delegated.put(configOf(payer), voucher(pot, lane), seen(), COST);
    expect(delegated.all()).toHaveLength(512);
    const put = (payer: number, pot: number) =>
      delegated.put(configOf(payer), voucher(pot, 99), seen(), COST);
    await expect(put(0, 0)).rejects.toMatchObject({ reason: { most: 64 } });
    await expect(put(0, 50)).rejects.toMatchObject({ reason: { most: 128 } });
    await expect(put(9, 50)).rejects.toMatchObject({ reason: { most: 512 } });
  });

  test("a payer has one share, however its address is written", async () => {
    const delegated = await empty({ all: 9, ofPot: 9, ofPayer: 1 });
    const lower = { ...configOf(1), payer: `0x${"ab".repeat(20)}` as Address };
    const upper = { ...configOf(1), payer: `0x${"AB".repeat(20)}` as Address };
    await delegated.put(lower, voucher(1, 1), seen(), COST);
    await expect(delegated.put(upper, voucher(2, 1), seen(), COST)).rejects.toMatchObject({
      code: "WATCHTOWER_FULL",
    });
  });

  test("in a full pot what is guaranteed least goes, and of two that are guaranteed the same, what is worth less", async () => {
    const delegated = await empty({ all: 9, ofPot: 2, ofPayer: 9 });
    const [plenty, some, more] = [voucher(1, 1, 900), voucher(1, 2, 200), voucher(1, 3, 300)];
    const guaranteed = { ceiling: wei(50), until: NOW };
    await delegated.put(configOf(1), plenty, seen(), COST);
    await delegated.put(configOf(1), some, seen([[some, guaranteed]]), COST);
    await delegated.put(configOf(1), more, seen([[more, guaranteed]]), COST);
    expect(lanesOf(delegated)).toEqual([2, 3]);
    const most = voucher(1, 4, 400);
    await delegated.put(configOf(1), most, seen([[most, guaranteed]]), COST);
    expect(lanesOf(delegated)).toEqual([3, 4]);
    const same = voucher(1, 5, 300);
    await expect(
      delegated.put(configOf(1), same, seen([[same, guaranteed]]), COST),
    ).rejects.toMatchObject({ code: "WATCHTOWER_FULL" });
  });

  test("what goes for one share makes room in the others too", async () => {
    const delegated = await empty({ all: 1, ofPot: 1, ofPayer: 1 });
    await delegated.put(configOf(1), voucher(1, 1, 100), seen(), COST);
    await delegated.put(configOf(1), voucher(1, 2, 200), seen(), COST);
    expect(lanesOf(delegated)).toEqual([2]);
    await delegated.put(configOf(2), voucher(2, 3, 300), seen(), COST);
    expect(lanesOf(delegated)).toEqual([3]);
    expect([...delegated.pots.keys()]).toEqual([hash(2)]);
  });
});

describe("what a voucher is kept for", () => {
  test("a voucher that the chain would pay no more than its claim costs is refused", async () => {
    const delegated = await empty();
    const put = (cost: number) =>
      delegated.put(configOf(1), voucher(1, 1, 100), seen(), { cost: wei(cost) });
    await expect(put(100)).rejects.toMatchObject({
      reason: { code: "WATCHTOWER_WORTHLESS", value: 100n, cost: 100n },
    });
    await put(99);
    expect(lanesOf(delegated)).toEqual([1]);
  });

  test("a voucher of a lane that the look did not show is worth all of its total", async () => {
    const delegated = await empty();
    await delegated.put(configOf(1), voucher(1, 1, 100), seen(), COST);
    expect(delegated.all()[0]).toMatchObject({
      value: { sure: 0n, all: 100n },
      lane: { claimed: 0n, ceiling: 0n, until: 0 },
    });
  });

  test("a voucher that shares its pot with others is worth its share alone, and itself is no other", async () => {
    const delegated = await empty();
    const half = seen([], { balance: 100 });
    await delegated.put(configOf(1), voucher(1, 1, 100), half, { cost: wei(99) });
    await delegated.put(configOf(1), voucher(1, 1, 120), half, { cost: wei(99) });
    const put = (cost: number) =>
      delegated.put(configOf(1), voucher(1, 2, 100), half, { cost: wei(cost) });
    await expect(put(50)).rejects.toMatchObject({ reason: { value: 50n } });
    await put(49);
  });

  test("each look values what is kept of its pot anew, and of no other pot", async () => {
    const delegated = await empty();
    const [one, two] = [voucher(1, 1, 100), voucher(2, 2, 100)];
    await delegated.put(configOf(1), one, seen(), COST);
    await delegated.put(configOf(2), two, seen(), COST);
    delegated.see(hash(1), seen([[one, { claimed: wei(70) }]]));
    delegated.see(hash(3), seen());
    expect(delegated.all().map(({ value }) => value.all)).toEqual([30n, 100n]);
    // A look that leaves a lane out leaves it as it was.
    delegated.see(hash(1), seen([], { balance: 20 }));
    expect(delegated.known(one)).toMatchObject({ lane: { claimed: 70n }, value: { all: 20n } });
  });

  test("only a higher voucher takes the place of a lane's", async () => {
    const store = memory();
    const delegated = await empty(ROOM, store);
    await delegated.put(configOf(1), voucher(1, 1, 100), seen(), COST);
    for (const [cumulative, signature] of [
      [99, "0x99"],
      [100, "0x100"],
      [101, "0x101"],
      [101, "0xanother"],
    ] as const)
      await delegated.raise(configOf(1), { ...voucher(1, 1, cumulative), signature });
    await delegated.raise(configOf(1), voucher(1, 2, 500));
    expect(delegated.all().map((one) => [one.cumulative, one.voucher.signature])).toEqual([
      [101n, "0x101"],
    ]);
    expect((await empty(ROOM, store)).all()[0]?.voucher).toEqual({
      ...voucher(1, 1, 101),
      signature: "0x101",
    });
  });
});

describe("what a watchtower remembers", () => {
  test("what bounced is remembered on disk, of the vouchers that are kept", async () => {
    const store = memory();
    const delegated = await empty(ROOM, store);
    const [kept, other] = [voucher(1, 1), voucher(1, 2)];
    await delegated.put(configOf(1), kept, seen(), COST);
    await delegated.bounce([
      { voucher: kept, pays: wei(7) },
      { voucher: other, pays: wei(8) },
    ]);
    const again = await empty(ROOM, store);
    expect(again.all().map(({ bounced }) => bounced)).toEqual([7n]);
  });

  test("a voucher from disk is worth all of its total until the chain was asked: nothing pushes it out before", async () => {
    const store = memory();
    const room = { all: 1, ofPot: 1, ofPayer: 1 };
    await (await empty(room, store)).put(configOf(1), voucher(1, 1, 100), seen(), COST);
    const again = await empty(room, store);
    expect(again.all()[0]).toMatchObject({
      value: { sure: 100n, all: 100n },
      lane: { claimed: 0n, ceiling: 0n, until: 0 },
    });
    expect(() => again.requireRoom(configOf(1), voucher(1, 2, 100))).toThrow(/at most 1 /);
    again.requireRoom(configOf(1), voucher(1, 2, 101));
  });

  test("a final pot is forgotten, on disk too, and no other", async () => {
    const store = memory();
    const delegated = await empty(ROOM, store);
    await delegated.put(configOf(1), voucher(1, 1), seen(), COST);
    await delegated.put(configOf(1), voucher(2, 2), seen(), COST);
    await delegated.forget(hash(1));
    await delegated.forget(hash(3));
    expect(lanesOf(delegated)).toEqual([2]);
    expect(lanesOf(await empty(ROOM, store))).toEqual([2]);
  });

  test.each([
    ["no total", { config: {} }],
    ["no pot", { cumulative: "1" }],
    ["nothing", null],
  ])("a record with %s in it is named, and not taken for a voucher", async (_, record) => {
    const store = memory();
    await store.write([["tower/1", record]]);
    await expect(empty(ROOM, store)).rejects.toMatchObject({ code: "STORE_CORRUPT" });
  });
});
