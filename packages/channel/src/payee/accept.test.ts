import { type Amount, type Clock, type Millis, systemClock, Wei } from "@tabcast/runtime";
import { beforeEach, describe, expect, test } from "vitest";
import { ledger as chainOf, type Ledger, NOW } from "../../test/ledger.ts";
import { LANE, potConfig, purseParts, signer, worker } from "../../test/purse-parts.ts";
import { potId as potIdOf, separator } from "../config.ts";
import type { Address, Domain, Hex, SignedVoucher } from "../types.ts";
import * as Voucher from "../voucher.ts";
import { accept } from "./accept.ts";
import { LaneLedger } from "./lane-ledger.ts";
import type { PurseParts } from "./parts.ts";
import * as Payee from "./payee.ts";

const amount = (value: number) => BigInt(value) as Amount;
const domain: Domain = { chainId: 31337, contract: `0x${"ab".repeat(20)}` };
const config = potConfig(1);
const potId = potIdOf(separator(domain), config);
const { signal } = new AbortController();
const DEPOSIT = 100;

let now: number;
let chain: Ledger;
let parts: PurseParts;
let lane: LaneLedger;
beforeEach(async () => {
  now = 5_000_000;
  chain = chainOf(domain);
  await deposit(DEPOSIT);
  const clock: Clock = { ...systemClock, now: () => now as Millis };
  parts = purseParts(chain, { clock });
  const none = amount(0);
  const view = { reserved: none, claimed: none, ceiling: none, closeAt: 0, until: 0, now: NOW };
  const book = Payee.fresh({ ...view, balance: amount(DEPOSIT) });
  lane = new LaneLedger(parts, { lane: LANE, potId, config, book });
});

const deposit = (wei: number) =>
  chain.deposit(worker, config, { amount: amount(wei), signerGas: Wei.zero, signal });
const signed = (total: number, payee: Address = worker.address, to = LANE) =>
  Voucher.sign(separator(domain), signer, { potId, payee, lane: to, cumulative: amount(total) });
const take = (voucher: SignedVoucher) => accept(parts, () => lane, voucher);
const looks = () => chain.asked.get("snapshot") ?? 0;
/** What waits for nothing from outside has gone on as far as it can. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A chain that is silent until it is given up: resolves when it is asked first. */
function mute(): Promise<void> {
  const asked = Promise.withResolvers<void>();
  chain.instead.snapshot = (_, waits) => {
    asked.resolve();
    return new Promise((_, reject) =>
      waits.signal.addEventListener("abort", () => reject(waits.signal.reason)),
    );
  };
  return asked.promise;
}

/** The limits of time that vouchers are given, in their order, each of which fires when it is told to. */
function limits(): { ms: number; late: AbortController }[] {
  const all: { ms: number; late: AbortController }[] = [];
  Object.assign(parts.clock, {
    timeout(ms: number) {
      const late = new AbortController();
      all.push({ ms, late });
      return late.signal;
    },
  });
  return all;
}

describe("a voucher that comes", () => {
  test("it is credited once, however often it comes, and for what it adds", async () => {
    const seven = await signed(7);
    expect([await take(seven), await take(seven)]).toEqual([7n, 0n]);
    expect(await take(await signed(9))).toBe(2n);
    expect(lane.book.highest?.cumulative).toBe(9n);
  });

  test("the same voucher in capital letters is the same voucher", async () => {
    const seven = await signed(7);
    await take(seven);
    const shouted = `0x${seven.signature.slice(2).toUpperCase()}` as Hex;
    expect(await take({ ...seven, signature: shouted })).toBe(0n);
  });

  test("a false signature is found out, also over the amount that is held, and one that is held over another", async () => {
    const seven = await signed(7);
    await take(seven);
    const { signature } = await signed(8);
    for (const forged of [
      { ...seven, signature },
      { ...seven, cumulative: amount(50) },
    ])
      await expect(take(forged)).rejects.toMatchObject({ code: "VOUCHER_FORGED" });
    expect(lane.book.highest?.cumulative).toBe(7n);
  });

  test("a voucher for another payee or lane is refused, and says which of the two is not ours", async () => {
    await expect(take(await signed(7, signer.address))).rejects.toMatchObject({
      reason: { code: "VOUCHER_MISDIRECTED", field: "payee" },
    });
    await expect(take(await signed(7, worker.address, LANE + 1))).rejects.toMatchObject({
      reason: { code: "VOUCHER_MISDIRECTED", field: "lane" },
    });
    expect(lane.book.highest).toBeUndefined();
  });

  test("a voucher that is held needs no second check of its signature, and no place on disk", async () => {
    const seven = await signed(7);
    await take(seven);
    let writes = 0;
    const { write } = parts.store;
    Object.assign(parts.store, {
      write: (...call: Parameters<typeof write>) => ++writes && write(...call),
    });
    await take(seven);
    expect(writes).toBe(0);
  });
});

describe("a voucher above what the pot was seen to have", () => {
  test("it is credited where a look at the chain finds that the pot was topped up", async () => {
    await deposit(50);
    expect(await take(await signed(DEPOSIT + 50))).toBe(150n);
    expect(looks()).toBe(1);
  });

  test("one for all that the pot was seen to have causes no look", async () => {
    expect(await take(await signed(DEPOSIT))).toBe(100n);
    expect(looks()).toBe(0);
  });

  test("nor does one wait for the next look where others' guarantees took what it needs, and the pot was topped up since", async () => {
    chain.promise(potId, 60n);
    await lane.refresh({ signal });
    await expect(take(await signed(50))).rejects.toMatchObject({ code: "VOUCHER_UNGUARANTEED" });
    await deposit(50);
    expect(await take(await signed(60))).toBe(10n);
    expect(lane.book.credited).toBe(60n);
  });

  test("what others' guarantees leave too little for is kept while the chain is away", async () => {
    chain.promise(potId, 60n);
    await lane.refresh({ signal });
    chain.instead.snapshot = () => Promise.reject(new Error("the server was away"));
    await expect(take(await signed(50))).rejects.toMatchObject({ code: "VOUCHER_UNGUARANTEED" });
    expect(lane.book.highest?.cumulative).toBe(50n);
  });

  test("the chain is asked beside the books, which go on, and for two seconds", async () => {
    chain.promise(potId, 60n);
    await lane.refresh({ signal });
    const given = limits();
    const asked = mute();
    const taken = take(await signed(50));
    await asked;
    await lane.post({ type: "delivered", amount: amount(1) });
    expect([lane.book.accrued, given.map(({ ms }) => ms)]).toEqual([1n, [2_000]]);
    given[0]?.late.abort();
    // It is kept, as where the chain is away.
    await expect(taken).rejects.toMatchObject({ code: "VOUCHER_UNGUARANTEED" });
    expect(lane.book.highest?.cumulative).toBe(50n);
  });

  test("no payer is blamed for a server that is silent", async () => {
    const [given, asked] = [limits(), mute()];
    const over = take(await signed(DEPOSIT + 1));
    await asked;
    given[0]?.late.abort();
    await expect(over).rejects.toMatchObject({
      code: "CHAIN_UNREACHABLE",
      reason: { rpc: chain.rpc },
      cause: given[0]?.late.signal.reason,
    });
  });

  test("a disk that fails in the look is told of, also where the two seconds are over by then", async () => {
    await deposit(10);
    const given = limits();
    const full = new Error("the disk is full");
    Object.assign(parts.store, {
      async write() {
        given[0]?.late.abort();
        throw full;
      },
    });
    await expect(take(await signed(DEPOSIT + 50))).rejects.toBe(full);
  });

  test("what comes while the purse closes is kept, and the chain is not waited for", async () => {
    chain.promise(potId, 60n);
    await lane.refresh({ signal });
    const closing = new AbortController();
    parts = { ...parts, signal: closing.signal };
    const asked = mute();
    const [low, high] = [await signed(50), await signed(60)];
    const taken = Promise.allSettled([take(low), take(high)]);
    await asked;
    expect(lane.coming, "their lane is let go to nobody meanwhile").toBe(2);
    closing.abort();
    const kept = { status: "rejected", reason: { code: "VOUCHER_UNGUARANTEED" } };
    expect(await taken).toMatchObject([kept, kept]);
    expect(lane.coming).toBe(0);
    expect(lane.book.highest?.cumulative).toBe(60n);
    await expect(take(await signed(61)), "its lane may be another tab's").rejects.toMatchObject({
      code: "STORE_CLOSED",
    });
    expect(lane.book.highest?.cumulative).toBe(60n);
  });

  test("four of them are looked up at once, then one a second, and no voucher that is refused for another reason", async () => {
    const over = await signed(DEPOSIT + 1);
    const refused = async (times: number) => {
      for (let i = 0; i < times; i++)
        await expect(take(over)).rejects.toMatchObject({
          reason: { code: "VOUCHER_OVER_POT", amount: 101n, pot: 100n },
        });
      return looks();
    };
    expect(await refused(6)).toBe(4);
    now += 999;
    expect(await refused(1)).toBe(4);
    now += 1;
    expect(await refused(2)).toBe(5);
    now += 9_000;
    await take(await signed(5));
    await expect(take(await signed(4))).rejects.toMatchObject({ code: "VOUCHER_STALE" });
    expect(looks()).toBe(5);
  });

  test("it is told where the chain cannot be asked, and where the books cannot be written no chain is asked", async () => {
    chain.instead.snapshot = () => Promise.reject(new Error("the server was away"));
    await expect(take(await signed(DEPOSIT + 1))).rejects.toThrow("the server was away");
    let asked = 0;
    chain.instead.snapshot = () => Promise.reject(new Error(`asked ${++asked} times`));
    // As a store may say it, whatever it calls its own trouble.
    const full = Object.assign(new Error("the disk is full"), { code: "VOUCHER_OVER_POT" });
    Object.assign(parts.store, { write: () => Promise.reject(full) });
    await expect(take(await signed(5))).rejects.toThrow("the disk is full");
    expect([asked, lane.book.highest]).toEqual([0, undefined]);
  });
});

describe("vouchers that come while another waits for the chain", () => {
  test("none overtakes another: each is credited for what it adds", async () => {
    await take(await signed(5));
    await deposit(50);
    const held = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    chain.instead.snapshot = async (...call) => {
      delete chain.instead.snapshot;
      asked.resolve();
      const answer = await chain.snapshot(...call);
      await held.promise;
      return answer;
    };
    const ended: bigint[] = [];
    const taking = async (voucher: SignedVoucher) => ended.push(await take(voucher));
    const [low, high] = [await signed(DEPOSIT + 20), await signed(DEPOSIT + 40)];
    const first = taking(low);
    await asked.promise;
    const second = taking(high);
    await settled();
    held.resolve();
    await Promise.all([first, second]);
    expect(ended).toEqual([115n, 20n]);
    // The first one's look showed enough for both.
    expect(looks()).toBe(1);
  });

  test("one that is sent again meanwhile causes no second look", async () => {
    chain.promise(potId, 60n);
    await lane.refresh({ signal });
    const fifty = await signed(50);
    const before = looks();
    const [first, again] = await Promise.allSettled([take(fifty), take(fifty)]);
    expect(first).toMatchObject({ reason: { code: "VOUCHER_UNGUARANTEED" } });
    expect([again, looks() - before]).toEqual([{ status: "fulfilled", value: 0n }, 1]);
  });

  test("each waits for two seconds from when it came, whatever stands before it", async () => {
    await take(await signed(5));
    const [given, asked] = [limits(), mute()];
    const vouchers = await Promise.all([101, 102, 103, 104, 105, 106, 107].map((n) => signed(n)));
    const taken = vouchers.map((one) => take(one).catch((error: unknown) => error));
    await asked;
    await settled();
    expect(given.map(({ ms }) => ms)).toEqual(vouchers.map(() => 2_000));
    let more = 0;
    chain.instead.snapshot = async () => {
      more++;
      throw new Error("the server is away");
    };
    // All but the last are over when the first is: they look no more, which takes nothing from those that may.
    for (const { late } of given.slice(0, -1).reverse()) late.abort();
    const unreachable = expect.objectContaining({ code: "CHAIN_UNREACHABLE" });
    const away = expect.objectContaining({ message: "the server is away" });
    const [last, ...before] = (await Promise.all(taken)).reverse();
    expect([last, before, more]).toEqual([away, before.map(() => unreachable), 1]);
  });
});
