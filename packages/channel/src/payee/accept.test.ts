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
    const late = new AbortController();
    const limits: number[] = [];
    Object.assign(parts.clock, {
      timeout(ms: number) {
        limits.push(ms);
        return late.signal;
      },
    });
    const asked = Promise.withResolvers<void>();
    chain.instead.snapshot = async (_, waits) => {
      asked.resolve();
      waits.signal.throwIfAborted();
      return new Promise((_, reject) =>
        waits.signal.addEventListener("abort", () => reject(waits.signal.reason)),
      );
    };
    const taken = take(await signed(50));
    await asked.promise;
    await lane.post({ type: "delivered", amount: amount(1) });
    expect([lane.book.accrued, limits]).toEqual([1n, [2_000]]);
    late.abort();
    // It is kept, as where the chain is away.
    await expect(taken).rejects.toMatchObject({ code: "VOUCHER_UNGUARANTEED" });
    expect(lane.book.highest?.cumulative).toBe(50n);
    const over = take(await signed(DEPOSIT + 1));
    await expect(over).rejects.toMatchObject({ code: "VOUCHER_OVER_POT" });
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
