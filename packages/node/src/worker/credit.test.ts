import { type Hex, Payee } from "@tabcast/channel";
import type { Offer } from "@tabcast/protocol";
import {
  Amount,
  BoundedMap,
  type Clock,
  type Millis,
  seededRandom,
  systemClock,
} from "@tabcast/runtime";
import { expect, test, vi } from "vitest";
import { samplePot } from "../../test/offers.ts";
import { openCredit } from "./credit.ts";
import type { Engagement } from "./engagements.ts";

const { signal } = new AbortController();
/** What a segment is worth that is as large as offered: one rung of a megapixel, one frame, a wei a pixel. */
const WHOLE = 1_000_000n;
const offer = {
  rungs: [{ width: 1000, height: 1000 }],
  fpsMilli: 1_000,
  segmentMs: 1_000,
} as Offer;
const NOTHING = new Uint8Array(0);
/** The books of a pot that nothing is claimed from. */
function open(window = 2) {
  const chain: Payee.ChainView = {
    balance: Amount.of(10n ** 24n),
    reserved: Amount.zero,
    claimed: Amount.zero,
    closeAt: 0,
    ceiling: Amount.zero,
    until: 0,
    now: 0,
  };
  let book = Payee.fresh(chain);
  const act = (event: Payee.Event) => {
    [book] = Payee.step(book, event);
  };
  const engage = (stream: string) =>
    ({
      offer: { ...offer, window },
      award: { id: new Uint8Array(16), price: 1_000n * WHOLE },
      broadcaster: "b",
      stream,
      potId: "0x01" as Hex,
      unpaid: new BoundedMap(64),
      ahead: new Map(),
      fullSince: undefined,
    }) as unknown as Engagement;
  const [engagement, second] = [engage("s"), engage("t")];
  let now = 7_000_000;
  const waits: number[] = [];
  let late = new AbortController();
  const log: string[] = [];
  /** Resolves when the disk takes the next amount; undefined: it takes it at once. */
  let disk: Promise<void> | undefined;
  const clock: Clock = {
    ...systemClock,
    now: () => now as Millis,
    timeout: (ms) => {
      waits.push(ms);
      late = new AbortController();
      return late.signal;
    },
  };
  const credit = openCredit(
    { clock, on: ({ type }) => log.push(type) },
    {
      purse: {
        room: (_, of) => Payee.room(book, of),
        checked: () => true,
        accrue: async (_, amount, segment = amount) => {
          if (disk !== undefined) await disk;
          act({ type: "delivered", amount, segment });
        },
        forgive: async (_, amount) => act({ type: "forgiven", amount }),
      },
      engagements: {
        quit: () => log.push("quit"),
        bye: (_, { why, finishing }) => log.push(`bye: ${why}${finishing ? ", finishing" : ""}`),
      },
    },
  );
  const amountOf = (parts: number) => Amount.of((WHOLE * BigInt(Math.round(parts * 100))) / 100n);
  /** Whether a segment that is done may be delivered now. */
  const fits = async (seq: number, parts = 1, to = engagement) => {
    const waiting = credit.room(to, seq, amountOf(parts), { signal });
    late.abort();
    return waiting.then(
      () => true,
      () => false,
    );
  };
  return {
    engagement,
    second,
    credit,
    log,
    waits,
    fits,
    lend: (seq: number, parts = 1, to = engagement) => credit.lend(to, seq, amountOf(parts)),
    book: () => book,
    /** Lets the disk take its time from now on; returns what ends that. */
    hold(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>();
      disk = promise;
      return resolve;
    },
    /** An award of another price, in parts of the first one's, for a ladder of so many such rungs: its stream is in the same pot. */
    award(price: number, rungs = 1, stream = "u") {
      const one = { ...engage(stream) };
      const terms = { ...one.award, price: BigInt(Math.round(price * 1_000)) * WHOLE };
      const ladder = Array.from({ length: rungs }, () => ({ width: 1000, height: 1000 }));
      const hired = { ...one, award: terms, offer: { ...one.offer, rungs: ladder } };
      return hired as Engagement;
    },
    /** A look at the chain, so many seconds after the lane began. */
    look: (now: number) => act({ ...chain, type: "chain", now }),
    /** Time passes, beyond what a segment waits. */
    pass(ms: number) {
      now += ms;
      late.abort();
    },
    async deliver(...seqs: number[]) {
      for (const seq of seqs) {
        if (!(await fits(seq))) throw new Error(`no room for segment ${seq}`);
        await credit.deliver(engagement, seq);
      }
    },
    /** A voucher over so much in all, with a verdict that is not about any segment of the award. */
    owe(hired: Engagement, total: bigint) {
      act({ type: "voucher", cumulative: Amount.of(total), signature: "0x", now: 0 });
      credit.paid(hired, -1);
    },
    /** A voucher over so many segments in all, with the verdict of one of them. */
    pay(seq: number, segments: number) {
      const cumulative = amountOf(segments);
      act({ type: "voucher", cumulative, signature: "0x", now: 0 });
      credit.paid(engagement, seq);
    },
  };
}

test("a worker delivers no more unpaid than the offer's window, and one segment more for each that is paid", async () => {
  const { credit, engagement, deliver, fits, lend, pay } = open();
  await deliver(1, 2);
  const waiting = credit.room(engagement, 3, Amount.of(WHOLE), { signal });
  expect(lend(4)).toBe(false);
  pay(1, 1);
  await waiting;
  await credit.deliver(engagement, 3);
  expect(await fits(4)).toBe(false);
});

test("a segment that is done waits three seconds for the payment of those before it", async () => {
  const { deliver, fits, waits } = open();
  await deliver(1, 2);
  waits.length = 0;
  expect(await fits(3)).toBe(false);
  expect(waits).toEqual([3_000]);
});

test("a segment keeps the room that it has, though a larger one took more than was offered", async () => {
  const { lend } = open();
  expect(lend(1)).toBe(true);
  expect(lend(2, 2)).toBe(true);
  expect(lend(1)).toBe(true);
  expect(lend(3, 0.01)).toBe(false);
});

test("a segment keeps the room that it has, though a stream of the same pot with a wider window took what else there was", () => {
  const { second, lend } = open(1);
  Object.assign(second, { offer: { ...second.offer, window: 2 } });
  expect(lend(1)).toBe(true);
  expect(lend(1, 1, second)).toBe(true);
  expect(lend(1)).toBe(true);
  expect(lend(2)).toBe(false);
});

test("a segment counts for the most that was asked of it while it is made", () => {
  const grows = open();
  expect([grows.lend(1, 0.5), grows.lend(1), grows.lend(2)]).toEqual([true, true, true]);
  expect(grows.lend(3, 0.01)).toBe(false);
  const shrinks = open();
  expect([shrinks.lend(1), shrinks.lend(1, 0.5), shrinks.lend(2)]).toEqual([true, true, true]);
  expect(shrinks.lend(3, 0.01)).toBe(false);
});

test("a part that left a dearer stream takes a part of the room of a cheaper one, though it is less than its like there", () => {
  const { credit, lend, award } = open();
  expect(credit.lend(award(3), 1, Amount.of(1))).toBe(true);
  expect(lend(1)).toBe(true);
  expect(lend(2)).toBe(false);
});

test("a stream that is worked for without pay takes nothing of the room of one that pays from the same pot", async () => {
  const { credit, engagement, award, lend } = open();
  const free = award(0);
  expect(credit.opens(free)).toBe(true);
  for (const seq of [1, 2, 3]) {
    expect(credit.lend(free, seq, Amount.zero)).toBe(true);
    await credit.room(free, seq, Amount.zero, { signal });
    await credit.deliver(free, seq);
  }
  expect([1, 2, 3].map((seq) => lend(seq))).toEqual([true, true, false]);
  expect(engagement.ahead.size).toBe(2);
});

test("a job of which nothing had left leaves no trace, and one of which a wei had left is owed it", () => {
  const { credit, engagement, lend, book } = open();
  lend(1);
  credit.ended(engagement, 1, { calledBack: true });
  credit.ended(engagement, 2, { calledBack: false });
  expect(engagement.unpaid.size).toBe(0);
  lend(3);
  credit.sent(engagement, 3, Amount.of(1n));
  credit.ended(engagement, 3, { calledBack: false });
  expect(book().unpaid).toBe(1n);
  expect([...engagement.unpaid.keys()]).toEqual([3]);
});

test("a payment forgets what will never be paid, and not what is owed", async () => {
  const { credit, engagement, deliver, pay } = open(4);
  await deliver(1, 2);
  pay(1, 2);
  await deliver(3, 4);
  credit.superseded(engagement, 3);
  credit.paid(engagement, 2);
  expect([...engagement.unpaid]).toMatchObject([[4, { state: "owed" }]]);
});

test("a worker counts what a payment is worth, and not the payments", async () => {
  const { deliver, fits, pay } = open();
  await deliver(1, 2);
  for (let step = 1; step < 100; step++) pay(step, step / 100);
  expect(await fits(3)).toBe(false);
  pay(2, 1);
  expect(await fits(3)).toBe(true);
});

test("a window that the streams of one pot share is full for all of them", async () => {
  const { second, deliver, fits, lend } = open();
  await deliver(1);
  expect(lend(1, 1, second)).toBe(true);
  expect(lend(2)).toBe(false);
  expect(await fits(2)).toBe(false);
});

test("a worker has room for smaller segments where larger ones were offered, and for one that is larger", async () => {
  const small = open();
  expect([1, 2, 3, 4, 5].map((seq) => small.lend(seq, 0.5))).toEqual([
    true,
    true,
    true,
    true,
    false,
  ]);
  const large = open();
  expect(await large.fits(1, 3)).toBe(true);
});

test("what is left of a segment that was delivered may leave, and is counted once", async () => {
  const { deliver, lend, book } = open();
  await deliver(1, 2);
  expect(lend(1)).toBe(true);
  expect(lend(2)).toBe(true);
  expect(book().unpaid).toBe(2n * WHOLE);
});

test("a segment that is done has its room for good, though the rest of it leaves before it is written down", async () => {
  const { credit, engagement, fits, lend, book } = open();
  for (const seq of [1, 2]) expect(await fits(seq)).toBe(true);
  expect(lend(1)).toBe(true);
  expect(await fits(3)).toBe(false);
  await credit.deliver(engagement, 1);
  expect(book().unpaid).toBe(WHOLE);
});

test("segments that are done wait for each payment, one after the other", async () => {
  const { credit, engagement, deliver, pay } = open();
  await deliver(1, 2);
  let delivered = 0;
  for (const seq of [3, 4, 5])
    credit
      .room(engagement, seq, Amount.of(WHOLE), { signal })
      .then(() => credit.deliver(engagement, seq))
      .then(
        () => delivered++,
        () => {},
      );
  pay(1, 1);
  await expect.poll(() => delivered).toBe(1);
  pay(2, 2);
  await expect.poll(() => delivered).toBe(2);
});

test("a segment that is asked for again counts again", async () => {
  const { credit, engagement, lend, book } = open();
  for (let time = 0; time < 2; time++) {
    await vi.waitFor(() => expect(lend(1)).toBe(true));
    credit.sent(engagement, 1, Amount.of(WHOLE));
    credit.ended(engagement, 1, { calledBack: true });
  }
  expect(book().unpaid).toBe(2n * WHOLE);
  expect(lend(1)).toBe(false);
});

test("a segment that is owed under an older award has no room under the next", async () => {
  const { engagement, second, deliver, lend, fits } = open();
  await deliver(1, 2);
  Object.assign(second, { unpaid: engagement.unpaid, stream: "s" });
  expect(lend(1, 1, second)).toBe(false);
  expect(await fits(1, 1, second)).toBe(false);
});

test("a segment counts for what was made of it, which may be less than was planned", async () => {
  const { credit, engagement, lend, fits, book } = open();
  lend(1);
  expect(await fits(1, 0.5)).toBe(true);
  expect(lend(2)).toBe(true);
  await credit.deliver(engagement, 1);
  expect(book().unpaid).toBe(WHOLE / 2n);
});

test("a segment that is as large as any that may be asked for has the window of two such", async () => {
  const { fits, lend } = open();
  // Four times what was offered.
  expect([1, 2, 3].map((seq) => lend(seq, 4))).toEqual([true, true, false]);
  expect(await fits(3, 4)).toBe(true); // it is done, and those are not
});

test("a segment that is larger than any that may be asked for has room where nothing else is out", async () => {
  const { deliver, fits } = open();
  await deliver(1);
  expect(await fits(2, 5)).toBe(false);
  expect(await open().fits(2, 5)).toBe(true);
});

test("a job that ends while its segment is written down is counted once, and forgiven", async () => {
  const { credit, engagement, fits, book } = open();
  expect(await fits(1)).toBe(true);
  const writing = credit.deliver(engagement, 1);
  credit.ended(engagement, 1, { calledBack: true });
  await writing;
  expect(book()).toMatchObject({ accrued: WHOLE, unpaid: WHOLE, forgiven: WHOLE });
});

test("an award finds no room that less than its least rung has", async () => {
  const { credit, engagement, deliver, pay } = open();
  await deliver(1, 2);
  pay(1, 0.99);
  expect(credit.opens(engagement)).toBe(false);
  pay(1, 1);
  expect(credit.opens(engagement)).toBe(true);
});

const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);

test(`no payer gets more than the window and a tenth, whatever it asks for (SEED=${SEED})`, async () => {
  const random = seededRandom(SEED);
  const kinds = [
    "send",
    "send",
    "finish",
    "finish",
    "end",
    "callBack",
    "bad",
    "cancel",
    "pay",
    "dust",
  ];
  for (let run = 0; run < 100; run++) {
    const { credit, engagement, second, lend, fits, pay, book } = open();
    /** What has left of each job's segment, in wei, counted outside the books. */
    const jobs = new Map<string, { readonly parts: number; left: bigint; over: boolean }>();
    let [gone, paid] = [0n, 0];
    const out = () => [...jobs.values()].reduce((sum, { left }) => sum + left, gone);
    for (let step = 0; step < 60; step++) {
      const to = random.below(2) === 0 ? engagement : second;
      const seq = random.below(4);
      const key = `${to.stream}/${seq}`;
      const job = jobs.get(key) ?? { parts: (1 + random.below(100)) / 100, left: 0n, over: false };
      const amount = (WHOLE * BigInt(Math.round(job.parts * 100))) / 100n;
      const kind = kinds[random.below(kinds.length)];
      if (kind === "send" && !job.over && lend(seq, job.parts, to)) {
        job.left = job.left + amount / 3n > amount ? amount : job.left + amount / 3n;
        credit.sent(to, seq, Amount.of(job.left));
        jobs.set(key, job);
      } else if (kind === "finish" && !job.over && (await fits(seq, job.parts, to))) {
        await credit.deliver(to, seq);
        jobs.set(key, { ...job, left: amount, over: true });
      } else if (kind === "end" || kind === "callBack") {
        credit.ended(to, seq, { calledBack: kind === "callBack" });
        gone += job.left;
        jobs.delete(key);
      } else if (kind === "bad") credit.failed(to, seq);
      else if (kind === "cancel") credit.superseded(to, seq);
      else if (kind === "pay" || kind === "dust") {
        paid = kind === "dust" ? paid + 0.01 : Math.max(paid, Number(out() / WHOLE));
        pay(seq, paid);
      }
      const free = out() - book().credited;
      expect(free).toBeLessThanOrEqual(2n * WHOLE + book().credited / 10n);
    }
  }
});

test("a bad verdict makes no room before anything was paid", async () => {
  const { credit, engagement, deliver, fits } = open();
  await deliver(1, 2);
  credit.failed(engagement, 1);
  expect(await fits(3)).toBe(false);
});

test("a worker forgives one bad segment in ten that were paid, once each", async () => {
  const { credit, engagement, deliver, fits, pay } = open();
  for (let seq = 1; seq <= 10; seq++) {
    await deliver(seq);
    pay(seq, seq);
  }
  await deliver(11, 12);
  for (let again = 0; again < 3; again++) credit.failed(engagement, 11);
  expect(await fits(13)).toBe(true);
  await credit.deliver(engagement, 13);
  credit.failed(engagement, 12);
  expect(await fits(14)).toBe(false);
});

test("a segment that is done takes the room of one that is being made", async () => {
  const { deliver, lend } = open();
  await deliver(1);
  expect(lend(2)).toBe(true);
  await deliver(3);
  expect(lend(2)).toBe(false);
});

test("of a job that was called back, or failed, counts what had been sent of it", () => {
  const { credit, engagement, second, lend, book } = open();
  const half = Amount.of(WHOLE / 2n);
  lend(1);
  credit.sent(engagement, 1, half);
  credit.ended(engagement, 1, { calledBack: true });
  expect(book()).toMatchObject({ accrued: half, unpaid: half, forgiven: half });
  lend(1, 1, second);
  credit.sent(second, 1, half);
  credit.ended(second, 1, { calledBack: false });
  expect(book().unpaid).toBe(WHOLE);
  lend(2);
  credit.ended(engagement, 2, { calledBack: true });
  expect(book().unpaid).toBe(WHOLE);
  expect(engagement.ahead.size).toBe(0);
});

test("of a segment that was delivered nothing counts twice when its job ends", async () => {
  const { credit, engagement, deliver, book } = open();
  await deliver(1);
  credit.ended(engagement, 1, { calledBack: false });
  expect(book()).toMatchObject({ unpaid: WHOLE, forgiven: 0n });
  await deliver(2);
  credit.ended(engagement, 2, { calledBack: true }); // it came when all had left
  expect(book()).toMatchObject({ unpaid: 2n * WHOLE, forgiven: WHOLE });
});

test("what had left of a segment keeps its room where another is done before it", async () => {
  const { credit, engagement, deliver, lend, fits, book } = open();
  await deliver(1);
  lend(2);
  credit.sent(engagement, 2, Amount.of(WHOLE / 2n));
  expect(await fits(3)).toBe(false);
  expect(await fits(4, 0.5)).toBe(true);
  expect(lend(2)).toBe(false); // no more of it leaves for now
  await credit.deliver(engagement, 4);
  credit.ended(engagement, 2, { calledBack: true });
  expect(book().unpaid).toBe(2n * WHOLE);
});

test("a stream that makes no room for a minute is left, told why, and gets no bid until it pays", async () => {
  const { credit, log, deliver, fits, pass, pay } = open();
  await deliver(1, 2);
  expect(await fits(3)).toBe(false);
  expect(log).toEqual([]);
  pay(1, 0.01); // dust is no payment
  pass(60_000);
  expect(await fits(3)).toBe(false);
  expect(log).toEqual(["bye: unpaid", "quit"]);
  expect(credit.backsOff("s")).toBe(true);
  pay(1, 1);
  expect(credit.backsOff("s")).toBe(false);
});

test("a stream whose verdicts are all bad is left at once, for long", async () => {
  const { credit, engagement, log, deliver, fits, pass } = open();
  await deliver(1, 2);
  for (const seq of [1, 2]) credit.failed(engagement, seq);
  expect(await fits(3)).toBe(false);
  expect(log).toEqual(["bye: unpaid", "quit"]);
  pass(599_999);
  expect(credit.backsOff("s")).toBe(true);
});

test("a stream that we were too slow for is left for a few seconds, and what was superseded stays unpaid", async () => {
  const { credit, engagement, log, deliver, fits, pass, book } = open();
  await deliver(1, 2);
  for (const seq of [1, 2]) credit.superseded(engagement, seq);
  credit.superseded(engagement, 9); // never delivered
  expect(await fits(3)).toBe(false);
  expect(log).toEqual(["bye: unpaid", "quit"]);
  expect(book().unpaid).toBe(2n * WHOLE);
  expect(credit.opens(engagement)).toBe(false);
  expect(credit.backsOff("s")).toBe(true);
  pass(5_000);
  expect(credit.backsOff("s")).toBe(false);
});

/** A payer that awards anew whenever it likes, at the prices and for the ladders that it draws; what it got is counted here, not in books. */
async function hagglesWith(random: ReturnType<typeof seededRandom>, pays: number) {
  const at = open();
  /** By segments as awarded, and by amount. */
  const got = { segments: 0, amount: 0n, paid: 0n, least: 2n ** 96n, most: 0n };
  let hired = at.award(1);
  for (let step = 0; step < 400; step++) {
    const what = random.below(10);
    if (what < 3) hired = at.award(2 ** (random.below(40) - 8), 1 + random.below(4), `s${step}`);
    const { offer, award } = hired;
    const whole = (BigInt(offer.rungs.length) * WHOLE * award.price) / (1_000n * WHOLE);
    const part = BigInt(1 + random.below(4));
    const amount = Amount.of((whole * part) / 4n);
    if (what < 8) {
      const done = () => at.credit.lend(hired, step, amount);
      if (!done()) continue;
      await at.credit.room(hired, step, amount, { signal });
      await at.credit.deliver(hired, step);
      at.credit.ended(hired, step, { calledBack: random.below(2) === 0 });
      if (random.below(2) === 0) at.credit.failed(hired, step);
      got.segments += Number(part) / 4;
      got.amount += amount;
      got.least = whole < got.least ? whole : got.least;
      got.most = whole > got.most ? whole : got.most;
    } else if (random.below(100) < pays) {
      // Anything up to what it owes, for whatever it was.
      const owes = got.amount - got.paid;
      got.paid += (owes * BigInt(random.below(101))) / 100n;
      at.owe(hired, got.paid);
    }
  }
  return got;
}

test(`no payer gets more than the window by awards at other prices or of other ladders (SEED=${SEED})`, async () => {
  for (let turn = 0; turn < 40; turn++) {
    const got = await hagglesWith(seededRandom(SEED + turn), [0, 30, 100][turn % 3] ?? 0);
    const bought = Number(got.paid + got.paid / 10n) / Number(got.least);
    expect(got.segments).toBeLessThanOrEqual(2 + bought + 1e-6);
    expect(got.amount - got.paid).toBeLessThanOrEqual(2n * got.most + got.paid / 10n);
  }
});

test.each<[string, (turn: number) => readonly [price: number, rungs: number]]>([
  ["that doubles its price with each award", (turn) => [2 ** turn, 1]],
  ["that halves it", (turn) => [2 ** (30 - turn), 1]],
  ["that doubles its ladder with each award", (turn) => [1, Math.min(2 ** turn, 4_096)]],
])("a payer %s gets two segments, as many as one that does not", async (_, terms) => {
  const at = open();
  let delivered = 0;
  for (let turn = 0; turn < 36; turn++) {
    const [price, rungs] = terms(turn);
    const hired = at.award(price, rungs, `s${turn}`);
    const amount = Amount.of((WHOLE * BigInt(rungs) * hired.award.price) / (1_000n * WHOLE));
    if (!at.credit.opens(hired) || !at.credit.lend(hired, turn, amount)) continue;
    await at.credit.room(hired, turn, amount, { signal });
    await at.credit.deliver(hired, turn);
    delivered++;
  }
  expect(delivered).toBe(2);
});

test("what leaves another stream counts by that stream's price, and an outsize segment by what it takes beside smaller ones", () => {
  const { credit, engagement, lend, award } = open();
  const dear = award(1_000);
  expect(lend(1)).toBe(true);
  expect(credit.lend(dear, 1, Amount.of(1_000n * WHOLE))).toBe(true);
  expect(lend(2)).toBe(false);
  expect(credit.lend(dear, 2, Amount.of(10n * WHOLE))).toBe(false);
  const own = open();
  expect([own.lend(1), own.lend(2), own.lend(3, 4)]).toEqual([true, true, false]);
  expect(engagement.ahead.size).toBe(1);
});

test("a worker that lost its first races goes on ten minutes later, and is hired for good once it is paid", async () => {
  const { credit, engagement, deliver, fits, pay, look } = open();
  await deliver(1, 2);
  for (const seq of [1, 2]) credit.superseded(engagement, seq);
  look(599);
  expect(credit.opens(engagement)).toBe(false);
  look(600);
  expect(credit.opens(engagement)).toBe(true);
  for (let seq = 3; seq <= 40; seq++) {
    await deliver(seq);
    pay(seq, seq - 2);
  }
  // All that it ever lost is less than a tenth of what it was paid, and a segment: its whole window is open.
  await deliver(41, 42);
  expect(await fits(43)).toBe(false);
});

test.each(["superseded", "failed"] as const)(
  "a payer that calls all it gets %s gets nine segments in a day, and eleven in a week",
  async (says) => {
    const { credit, engagement, deliver, fits, look } = open();
    let delivered = 0;
    const after: Record<number, number> = {};
    for (let now = 0; now <= 7 * 86_400; now += 300) {
      look(now);
      while (await fits(delivered)) {
        await deliver(delivered);
        credit[says](engagement, delivered++);
      }
      after[now] = delivered;
    }
    expect([after[0], after[86_400], after[604_800]]).toEqual([2, 9, 11]);
  },
);

test("a worker knows whether to bid on an offer before anybody awards: by its pot, if it ever looked at that", async () => {
  const { credit, engagement, deliver, pay } = open();
  const { offer } = engagement;
  const named = { ...offer, pot: samplePot };
  expect(credit.mayOpen(named, 1_000n * WHOLE)).toBe(true);
  await deliver(1, 2);
  expect(credit.mayOpen(named, 1_000n * WHOLE)).toBe(false);
  expect(credit.mayOpen(named, 2_000n * WHOLE)).toBe(false);
  // Of no pot nothing is known: its award will be refused.
  expect(credit.mayOpen(offer, 1_000n * WHOLE)).toBe(true);
  expect(credit.mayOpen({ ...named, pot: { ...samplePot, salt: NOTHING } }, 1_000n * WHOLE)).toBe(
    true,
  );
  pay(1, 1);
  expect(credit.mayOpen(named, 1_000n * WHOLE)).toBe(true);
});

test("what had left of a job that was called back has no room while it is written down", async () => {
  const { credit, engagement, second, lend, fits, deliver, hold, book } = open();
  await deliver(1);
  lend(2);
  credit.sent(engagement, 2, Amount.of(WHOLE));
  const written = hold();
  credit.ended(engagement, 2, { calledBack: true });
  expect(await fits(3)).toBe(false);
  expect(await fits(1, 1, second)).toBe(false);
  written();
  await vi.waitFor(() => expect(book().unpaid).toBe(2n * WHOLE));
  expect(await fits(3)).toBe(false);
});

test("a segment whose job ends while it is written down keeps its room", async () => {
  const { credit, engagement, fits, deliver, hold, book } = open();
  await deliver(1);
  expect(await fits(2)).toBe(true);
  const written = hold();
  const writing = credit.deliver(engagement, 2);
  credit.ended(engagement, 2, { calledBack: true });
  expect(await fits(3)).toBe(false);
  written();
  await writing;
  expect(book().unpaid).toBe(2n * WHOLE);
});

test("what leaves a job of an award that is over counts under the next award until it is booked", async () => {
  const { credit, engagement, lend, fits, award } = open();
  lend(1);
  lend(2);
  for (const seq of [1, 2]) credit.sent(engagement, seq, Amount.of(WHOLE));
  // Its jobs have not ended: their parts are still being read.
  expect(await fits(1, 1, award(1))).toBe(false);
  credit.ended(engagement, 1, { calledBack: true });
  credit.ended(engagement, 2, { calledBack: true });
  expect(await fits(1, 1, award(1))).toBe(false);
});
