/** Broadcasters that want more work than they pay for, against the real purse, books and window of a worker. */
import {
  Config,
  type Hex,
  memory as memoryStore,
  openPurse,
  Voucher,
  Wire,
} from "@tabcast/channel";
import { LIVE } from "@tabcast/market";
import { memory, memoryNetwork } from "@tabcast/mesh";
import { type Loose, PROTOCOLS, peerIdOf, Verdict, VerdictReply } from "@tabcast/protocol";
import { Amount, BoundedMap, secureRandom, systemClock, Wei } from "@tabcast/runtime";
import { privateKeyToAccount } from "viem/accounts";
import { afterEach, expect, test } from "vitest";
import { ledger } from "../../../channel/test/ledger.ts";
import { ask } from "../exchange.ts";
import { openRateLimiter } from "../rate-limiter.ts";
import { openCredit } from "./credit.ts";
import type { Engagement, Engagements } from "./engagements.ts";
import { servePayments } from "./payments.ts";
import type { WorkerEvent } from "./types.ts";

const domain = { chainId: 31337, contract: `0x${"ab".repeat(20)}` as Hex };
const accountOf = (byte: string) => privateKeyToAccount(`0x${byte.repeat(32)}`);
const [payer, signer, worker] = [accountOf("11"), accountOf("22"), accountOf("33")];
const LANE = 5;
/** A segment as offered, in wei: a megapixel at 1,000 wei. */
const PRICE = 1_000n;
const AWARD = new Uint8Array(16).fill(1);
const tabs: AbortController[] = [];
afterEach(() => {
  for (const tab of tabs.splice(0)) tab.abort();
});

/** A worker that was hired by two streams of one pot, and its broadcaster; `deliver` is what a job does at its end. */
async function stage() {
  const tab = new AbortController();
  tabs.push(tab);
  const { signal } = tab;
  const chain = ledger(domain);
  const config = {
    payer: payer.address,
    signer: signer.address,
    token: `0x${"00".repeat(20)}` as Hex,
    challengePeriod: 900,
    salt: `0x${"07".repeat(32)}` as Hex,
  };
  const deposit = { amount: Amount.of(10n ** 15n), signerGas: Wei.zero, signal };
  await chain.deposit(payer, config, deposit);
  const store = memoryStore();
  const [payee, account] = [worker.address, worker];
  const options = { payee, account, lane: LANE, domain, rpc: "", chain, store, signal };
  const purse = await openPurse(options);
  const potId = await purse.trust(domain, config, { signal });

  const network = memoryNetwork();
  const [theirs, ours, stranger] = [1, 2, 3].map((id) =>
    memory(network, { self: peerIdOf(new Uint8Array(32).fill(id)) }),
  ) as [ReturnType<typeof memory>, ReturnType<typeof memory>, ReturnType<typeof memory>];
  const offer = {
    rungs: [{ width: 1000, height: 1000 }],
    fpsMilli: 1_000,
    segmentMs: 1_000,
    window: 2,
  };
  const engagements = ["s", "t"].map(
    (stream) =>
      ({
        offer,
        award: { id: AWARD, price: 1_000n * PRICE, pot: Wire.fromPot(domain, config) },
        broadcaster: theirs.self,
        stream,
        potId,
        unpaid: new BoundedMap(64),
        ahead: new Map(),
        fullSince: undefined,
      }) as unknown as Engagement,
  ) as [Engagement, Engagement];
  const events: WorkerEvent[] = [];
  const context = {
    mesh: ours,
    clock: systemClock,
    random: secureRandom,
    signal,
    on: (event: WorkerEvent) => events.push(event),
  };
  const bookings = { all: () => engagements, quit() {}, bye() {} };
  const credit = openCredit(context, { purse, engagements: bookings });
  servePayments(context, {
    purse,
    engagements: {
      ever: (award: Uint8Array) => (award[0] === 1 ? engagements[0] : undefined),
    } as Engagements,
    limiter: openRateLimiter(context, LIVE, () => {}),
    credit,
    delegation: { hired() {}, now: async () => {}, last: async () => {} },
    judged() {},
  });
  return {
    purse,
    credit,
    engagements,
    events,
    stranger,
    theirs,
    /** What the worker gave away so far, in wei. */
    lost: () => purse.balances().accrued - purse.balances().vouchered,
    sign: async (total: bigint, key = signer) =>
      Wire.fromVoucher(
        await Voucher.sign(Config.separator(domain), key, {
          potId,
          payee: worker.address,
          lane: LANE,
          cumulative: Amount.of(total),
        }),
      ),
    async say(verdict: Partial<Loose<Verdict>> & { readonly seq: number }, from = theirs) {
      const head = Verdict.encode({ award: AWARD, epoch: 1, ok: true, failed: [], ...verdict });
      const reply = await ask(from, ours.self, PROTOCOLS.verdict, head, { signal });
      return VerdictReply.decode(reply.head);
    },
    /** False where there is no room. */
    async deliver(seq: number, to = engagements[0], worth = PRICE): Promise<boolean> {
      if (!credit.lend(to, seq, Amount.of(worth))) return false;
      await credit.room(to, seq, Amount.of(worth), { signal });
      await credit.deliver(to, seq);
      return true;
    },
  };
}

/** Delivers up to 200 segments; after each the broadcaster does what it likes. How many were delivered. */
async function deliverWhile(
  { deliver }: Pick<Awaited<ReturnType<typeof stage>>, "deliver">,
  then: (seq: number) => Promise<unknown> | unknown,
  first = 0,
): Promise<number> {
  for (let count = 0; count < 200; count++) {
    if (!(await deliver(first + count))) return count;
    await then(first + count);
  }
  return 200;
}

test("a voucher that is shown again with each good verdict buys nothing", async () => {
  const at = await stage();
  const voucher = await at.sign(PRICE);
  expect(await deliverWhile(at, (seq) => at.say({ seq, voucher }))).toBe(3);
  expect(at.lost()).toBe(2n * PRICE);
  expect(at.events.filter(({ type }) => type === "paid")).toHaveLength(1);
});

test("vouchers that each add a wei buy nothing but a wei", async () => {
  const at = await stage();
  const delivered = await deliverWhile(at, async (seq) =>
    at.say({ seq, voucher: await at.sign(BigInt(seq + 1)) }),
  );
  expect(delivered).toBe(2);
  expect(at.lost()).toBe(2n * PRICE - 2n);
});

test("bad verdicts buy nothing", async () => {
  const at = await stage();
  const bad = { ok: false, failed: ["size"] };
  expect(await deliverWhile(at, (seq) => at.say({ seq, ...bad }))).toBe(2);
  expect(at.lost()).toBe(2n * PRICE);
});

test("a broadcaster that cancels every second segment gets a tenth of what it paid for, and the window", async () => {
  const at = await stage();
  let total = 0n;
  await deliverWhile(at, async (seq) => {
    if (seq % 2 === 0) return at.credit.superseded(at.engagements[0], seq);
    total += PRICE;
    return at.say({ seq, voucher: await at.sign(total) });
  });
  expect(at.lost()).toBeLessThanOrEqual(2n * PRICE + total / 10n);
});

test("an honest broadcaster with one bad segment in twenty is served to the end", async () => {
  const at = await stage();
  let total = 0n;
  const delivered = await deliverWhile(at, async (seq) => {
    if (seq % 20 === 19) return at.say({ seq, ok: false, failed: ["picture"] });
    total += PRICE;
    return at.say({ seq, voucher: await at.sign(total) });
  });
  expect(delivered).toBe(200);
});

test("a payer that awards anew at double the price, 36 times, gets two segments, and none more for vouchers that pay for the first", async () => {
  const at = await stage();
  const [hired] = at.engagements;
  /** Counted here, by what was handed over and what was signed. */
  const given: bigint[] = [];
  let signed = 0n;
  for (let turn = 0n; turn < 36n; turn++) {
    const amount = PRICE * 2n ** turn;
    Object.assign(hired, { award: { ...hired.award, price: 1_000n * amount } });
    if (await at.deliver(Number(turn), hired, amount)) given.push(amount);
    if (turn !== 20n) continue;
    signed = PRICE;
    await at.say({ seq: 0, voucher: await at.sign(signed) });
  }
  // Half of what the two take is no room for a whole one.
  expect(given).toEqual([PRICE, 2n * PRICE]);
  expect(given.reduce((sum, one) => sum + one, 0n) - signed).toBe(2n * PRICE);
});

test("two streams of one pot share one window", async () => {
  const at = await stage();
  const [one, two] = at.engagements;
  expect(await at.deliver(0, one)).toBe(true);
  expect(await at.deliver(0, two)).toBe(true);
  expect(await at.deliver(1, one)).toBe(false);
  expect(await at.deliver(1, two)).toBe(false);
});

test("verdicts that come in the other order leave the whole window, and the older voucher is no fault", async () => {
  const at = await stage();
  await at.deliver(1);
  await at.deliver(2);
  const [one, two] = [await at.sign(PRICE), await at.sign(2n * PRICE)];
  expect(await at.say({ seq: 2, voucher: two })).toMatchObject({ ok: true, held: two });
  expect(await at.say({ seq: 1, voucher: one })).toMatchObject({ ok: true, held: two });
  expect(at.lost()).toBe(0n);
  expect(await deliverWhile(at, () => {}, 3)).toBe(2);
});

test("a verdict that is lost is made good by the next voucher", async () => {
  const at = await stage();
  await at.deliver(1);
  await at.deliver(2);
  await at.say({ seq: 2, voucher: await at.sign(2n * PRICE) });
  expect(await deliverWhile(at, () => {}, 3)).toBe(2);
});

test("a voucher for an award that is forgotten, as after a reload, counts all the same", async () => {
  const at = await stage();
  await at.deliver(1);
  await at.deliver(2);
  const award = new Uint8Array(16).fill(9);
  const voucher = await at.sign(2n * PRICE);
  expect(await at.say({ seq: 2, award, voucher })).toMatchObject({ ok: true });
  expect(at.lost()).toBe(0n);
  expect(await at.say({ seq: 3, award, ok: false, failed: ["size"] })).toMatchObject({
    ok: false,
    why: "gone",
  });
});

test("a stranger's vouchers for no award are refused, and after eight not even looked at", async () => {
  const at = await stage();
  await at.deliver(1);
  const voucher = await at.sign(PRICE, payer);
  for (let seq = 0; seq < 8; seq++)
    expect((await at.say({ seq, voucher }, at.stranger)).ok).toBe(false);
  await expect(at.say({ seq: 9, voucher }, at.stranger)).rejects.toThrow();
  expect(at.lost()).toBe(PRICE);
});
