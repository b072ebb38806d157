import type { Award, Offer } from "@tabcast/protocol";
import { Amount, seededRandom } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import * as Hire from "./hire.ts";

const bytes = (value: number, length: number) => new Uint8Array(length).fill(value);
const pot = {
  chainId: 31_337,
  contract: bytes(1, 20),
  payer: bytes(2, 20),
  signer: bytes(3, 20),
  token: bytes(0, 20),
  challengeS: 120,
  salt: bytes(4, 32),
};
const offer: Offer = {
  id: bytes(5, 16),
  stream: bytes(6, 32),
  broadcaster: "b",
  addrs: [],
  sourceCodec: "avc1.640028",
  width: 1920,
  height: 1080,
  fpsMilli: 30_000,
  sourceBitrate: 6_000_000,
  codec: "avc",
  rungs: [{ name: "720p", width: 1280, height: 720, bitrate: 3_000_000 }],
  segmentMs: 2_000,
  slackMs: 4_000,
  maxPrice: 1_000n,
  wanted: 2,
  pot,
  window: 2,
  ttlMs: 30_000,
  atMs: 0,
  seedCommit: bytes(7, 32),
  need: [],
  crew: bytes(0, 0),
};
const me: Hire.Self = {
  self: "worker",
  price: 1_000n,
  capabilities: [{ codec: "avc", pixelsPerSecond: 60_000_000 }],
  free: 1,
  working: [],
  others: 3,
  restedMs: 0,
  unpaid: false,
  shut: false,
  tags: [],
  crews: [],
  lists: { allow: [], deny: [] },
};
const stream = "06".repeat(32);

describe("a worker that hears an offer", () => {
  test("reckons a segment's time as its pixels over the measured speed", () => {
    expect(Hire.transcodeMs(offer, 60_000_000)).toBeCloseTo(921.6, 1);
  });

  test.each<[string, Partial<Hire.Self>, string]>([
    ["a stream it is in", { working: [stream] }, "already in"],
    ["too many streams", { working: Array.from({ length: 8 }, (_, i) => `${i}`) }, "capped"],
    ["nothing free", { free: 0 }, "busy"],
    ["its owner's pause", { shut: true }, "closed"],
    ["a list that has other streams", { lists: { allow: ["x"], deny: [] } }, "denied"],
    ["a list that excludes the broadcaster", { lists: { allow: [], deny: ["b"] } }, "denied"],
    ["a price above the offer's", { price: 1_001n }, "too expensive"],
    ["a pot that has not paid for earlier work", { unpaid: true }, "unpaid"],
    ["another codec", { capabilities: [{ codec: "vp9", pixelsPerSecond: 1e9 }] }, "incapable"],
    ["no speed", { capabilities: [{ codec: "avc", pixelsPerSecond: 0 }] }, "incapable"],
    [
      "work for others and little speed",
      { working: ["x"], capabilities: [{ codec: "avc", pixelsPerSecond: 1.5e7 }] },
      "busy",
    ],
  ])("lets it pass for %s", (_, values, why) => {
    expect(Hire.consider(offer, { ...me, ...values })).toEqual({ bid: false, why });
  });

  test.each([
    ["for the slack", undefined, Math.ceil(Hire.transcodeMs(offer, 1) / offer.slackMs)],
    ["for the broadcaster", 3e7, 3.6e7],
  ])("lets it pass with too little speed %s, and says how much would do", (_, tooSlow, needed) => {
    const at = (pixelsPerSecond: number) =>
      Hire.consider(offer, { ...me, capabilities: [{ codec: "avc", pixelsPerSecond }], tooSlow });
    const measured = needed - 1;
    expect(at(measured)).toEqual({ bid: false, why: "incapable", slow: { needed, measured } });
    expect(at(needed)).toMatchObject({ bid: true });
  });

  const two: Offer = {
    ...offer,
    rungs: [...offer.rungs, { name: "240p", width: 426, height: 240, bitrate: 250_000 }],
  };
  const least = Math.ceil(Hire.transcodeMs(two, 1, two.rungs.slice(1)) / two.slackMs);
  const whole = Math.ceil(Hire.transcodeMs(two, 1) / two.slackMs);
  const measuring = (pixelsPerSecond: number, values: Partial<Hire.Self> = {}) => ({
    ...me,
    capabilities: [{ codec: "avc", pixelsPerSecond }],
    ...values,
  });

  test("that is too slow for the whole ladder bids with its true speed, behind those that are not, however rested it is", () => {
    const able = Hire.consider(two, measuring(whole));
    const slow = Hire.consider(two, measuring(whole - 1, { restedMs: 60 * Hire.REST_MS }));
    expect(able).not.toHaveProperty("slow");
    expect(slow).toMatchObject({
      bid: true,
      pixelsPerSecond: whole - 1,
      slow: { needed: whole, measured: whole - 1 },
    });
    expect(slow.bid && able.bid && slow.delayMs / able.delayMs).toBeCloseTo(1 / Hire.SLOW_WEIGHT);
  });

  test("lets it pass when it is too slow even for the lowest rung, or works for others, or the offer is a file's", () => {
    expect(Hire.consider(two, measuring(least))).toMatchObject({ bid: true });
    expect(Hire.consider(two, measuring(least - 1))).toEqual({
      bid: false,
      why: "incapable",
      slow: { needed: least, measured: least - 1 },
    });
    const working = measuring(whole - 1, { working: ["x"] });
    expect(Hire.consider({ ...two, wanted: 8 }, working)).toEqual({ bid: false, why: "busy" });
    const file = { ...two, slackMs: 60_000 };
    expect(Hire.consider(file, measuring(least / 2))).toMatchObject({ why: "incapable" });
  });

  test("stays away after the broadcaster found it too slow, longer each time, until it is faster", () => {
    const tooSlow = measuring(1.19 * least, { tooSlow: least });
    expect(Hire.consider(two, tooSlow)).toMatchObject({ bid: false, why: "incapable" });
    expect(Hire.consider(two, measuring(1.21 * least, { tooSlow: least }))).toMatchObject({
      bid: true,
    });
    expect([0, 1, 2, 9].map(Hire.fewerAwayMs)).toEqual([30_000, 60_000, 120_000, 300_000]);
  });

  test.each([4, 16, 60, 200, 1_000])(
    "bids rarely when it is too slow: %i of them send fewer than 25 bids in 30 s, the first within five seconds",
    (peers) => {
      let sent = 0;
      let first = 0;
      const offers = 100;
      for (let i = 0; i < offers; i++) {
        const id = bytes(i, 16);
        const delays = Array.from({ length: peers }, (_, n) =>
          Hire.delay({ draw: Hire.draw(id, `w${n}`), peers, weight: Hire.SLOW_WEIGHT }),
        ).filter((ms) => ms < two.ttlMs);
        sent += delays.length / offers;
        first += Math.min(two.ttlMs, ...delays) / offers;
      }
      expect(sent).toBeLessThan(25);
      expect(first).toBeLessThan(5_000);
    },
  );

  test("tells its measured speed and when to speak", () => {
    const plan = Hire.consider(offer, me);
    expect(plan).toMatchObject({ bid: true, pixelsPerSecond: 60_000_000 });
    // Idle and twice as fast as needed: half the delay.
    const slower = [{ codec: "avc", pixelsPerSecond: 40_000_000 }];
    const later = Hire.consider(offer, { ...me, capabilities: slower });
    expect(plan.bid && later.bid && later.delayMs / plan.delayMs).toBeCloseTo(2, 9);
    // And less for who has waited to be hired.
    const rested = Hire.consider(offer, { ...me, restedMs: 5 * Hire.REST_MS });
    expect(plan.bid && rested.bid && plan.delayMs / rested.delayMs).toBeCloseTo(5, 9);
  });

  test("offers what other streams leave of its speed", () => {
    const busy = Hire.consider(offer, { ...me, working: ["aa"] });
    expect(busy).toMatchObject({ bid: true, pixelsPerSecond: 30_000_000 });
  });

  test("bids slowly on a file's offer too, whose slack is long", () => {
    const slow = { ...me, capabilities: [{ codec: "avc", pixelsPerSecond: 5e6 }] };
    expect(Hire.consider({ ...offer, slackMs: 60_000 }, slow)).toMatchObject({ bid: true });
  });
});

describe("an offer with conditions", () => {
  test("that names tags is answered by workers that have them all", () => {
    const picky = { ...offer, need: ["hw", "region:eu"] };
    expect(Hire.consider(picky, { ...me, tags: ["hw"] })).toEqual({ bid: false, why: "incapable" });
    expect(Hire.consider(picky, { ...me, tags: ["region:eu", "hw"] })).toMatchObject({ bid: true });
  });

  test("of a private crew is answered by workers that know its token", () => {
    const ours = { ...offer, crew: bytes(9, 16) };
    expect(Hire.consider(ours, me)).toEqual({ bid: false, why: "denied" });
    expect(Hire.consider(ours, { ...me, crews: ["09".repeat(16)] })).toMatchObject({ bid: true });
  });
});

describe("a job", () => {
  const job = { rungs: offer.rungs, codec: "avc", epoch: 3, durationUs: 2_000_000, frames: 60 };
  const agreed = { offer, epoch: 3 };
  const [rung] = offer.rungs as [Offer["rungs"][number]];

  test.each<[string, Partial<typeof job>, string | undefined]>([
    ["as agreed", {}, undefined],
    ["with a rung left out", { rungs: [] }, undefined],
    ["with a larger rung", { rungs: [{ ...rung, width: 1920, height: 1080 }] }, "rung 720p"],
    ["with another bitrate", { rungs: [{ ...rung, bitrate: 9_000_000 }] }, "rung 720p"],
    ["with a rung more", { rungs: [rung, { ...rung, name: "new" }] }, "rung new"],
    ["in another codec", { codec: "av1" }, "codec av1"],
    ["of an old epoch", { epoch: 2 }, "epoch 2"],
    ["of ten times the frames", { frames: 600 }, "600 frames, at most 240"],
    ["of ten times the length", { durationUs: 20_000_000 }, "20000000 us"],
  ])("%s is taken only if it keeps what was agreed", (_, values, why) => {
    const breach = Hire.breach({ ...job, ...values }, agreed);
    if (why === undefined) expect(breach).toBeUndefined();
    else expect(breach).toContain(why);
  });

  test("has a source of the size, rate and length that were offered, and of the frames that it names", () => {
    const open = { ...job, open: true };
    const most = { pixels: 1920 * 1088, frames: 240, durationUs: 8_000_000 };
    expect(Hire.sourceLimits(open, offer)).toEqual(most);
    expect(Hire.sourceLimits({ ...job, open: false }, offer)).toEqual({ ...most, frames: 60 });
    expect(Hire.sourceLimits({ ...open, frames: 9_000 }, offer)).toEqual(most);
  });

  test("of a file leaves a slot for live streams, where the tab works for one", () => {
    const file = { file: true, stream: "a" };
    const live = { file: false, stream: "b" };
    expect(Hire.admits(file, [file, file], { slots: 4, live: true })).toBe(true);
    expect(Hire.admits(file, [file, file, file], { slots: 4, live: true })).toBe(false);
    expect(Hire.admits(live, [file, file, file], { slots: 4, live: true })).toBe(true);
    expect(Hire.admits(file, [file, file, file], { slots: 4, live: false })).toBe(true);
    expect(Hire.admits(live, [live, live, live, live], { slots: 4, live: true })).toBe(false);
    expect(Hire.admits(file, [], { slots: 1, live: true })).toBe(true);
  });

  test("of a stream that fills a worker makes room for another that was turned away", () => {
    const [a, b] = [
      { file: false, stream: "a" },
      { file: false, stream: "b" },
    ];
    const at = (slots: number, waiting: number) => ({ slots, live: true, waiting });
    expect(Hire.admits(a, [a], at(2, 0))).toBe(true);
    expect(Hire.admits(b, [a, a], at(2, 0))).toBe(false);
    expect(Hire.admits(a, [a], at(2, 1))).toBe(false);
    expect(Hire.admits(b, [a], at(2, 0))).toBe(true);
    expect(Hire.admits(a, [a, a, b], at(4, 1))).toBe(false);
    expect(Hire.admits(a, [a, b], at(4, 1))).toBe(true);
    expect(Hire.admits(a, [], at(1, 7))).toBe(true);
  });
});

test("an answer's word is one of ours, or none", () => {
  expect(Hire.decline({ why: "pot: another chain", retryMs: 0 })).toEqual({
    reason: "pot",
    retryMs: 0,
  });
  expect(Hire.decline({ why: "busy", retryMs: 9 })).toEqual({ reason: "busy", retryMs: 9 });
  expect(Hire.decline({ why: "toString", retryMs: 9 })).toBeUndefined();
});

describe("the draw", () => {
  test("follows the specification: SHA-256 of offer id and peer id, 48 bits", () => {
    // Computed with Python's hashlib.
    expect(Hire.draw(offer.id, "worker")).toBeCloseTo(0.33087228775514, 12);
  });

  test("spaces the bids of four workers by about 100 ms", () => {
    const delays = Array.from({ length: 1_000 }, (_, i) =>
      Hire.delay({ draw: Hire.draw(bytes(i % 250, 16), `w${i}`), peers: 4, weight: 1 }),
    );
    const mean = delays.reduce((sum, ms) => sum + ms, 0) / delays.length;
    expect(mean / 400).toBeGreaterThan(0.8);
    expect(mean / 400).toBeLessThan(1.2);
  });

  /**
   * Bids on one offer until its end reaches everybody: the third comes after a dial of 600 ms, and the end takes 300 ms more. Means
   * of `offers` offers, and the median of the bids.
   */
  function bids(peers: number, weight: () => number, offers: number, parts = 1) {
    const random = seededRandom(7, `${peers}`);
    let sent = 0;
    let first = 0;
    const all: number[] = [];
    for (let i = 0; i < offers; i++) {
      const delays = Array.from({ length: peers }, () =>
        Hire.delay({ draw: 1 - random.fraction(), peers, parts, weight: weight() }),
      ).sort((a, b) => a - b);
      const end = (delays[2] ?? 0) + 900;
      const count = delays.filter((ms) => ms < end).length;
      all.push(count);
      sent += count / offers;
      first += (delays[0] ?? 0) / offers;
    }
    const median = all.sort((a, b) => a - b)[offers >> 1] ?? 0;
    return { sent, median, first };
  }

  test.each([
    [200, 12],
    [2_000, 12],
    [20_000, 16],
  ])(
    "draws from %i rested workers no more than %i bids, the first within half a second",
    (peers, most) => {
      const { sent, first } = bids(peers, () => 2 * Hire.MOST_RESTED, 20);
      expect(sent).toBeLessThan(most);
      expect(first).toBeLessThan(500);
    },
  );

  test.each([
    [200, 12],
    [2_000, 12],
    [20_000, 16],
  ])("draws no more where an offer is told to one part of %i workers", (workers, most) => {
    const parts = Hire.partsFor(workers, 0);
    const { median, first } = bids(workers / parts, () => 2 * Hire.MOST_RESTED, 100, parts);
    expect(parts).toBeGreaterThan(1);
    expect(median).toBeLessThanOrEqual(most);
    expect(first).toBeLessThan(500);
  });

  /** What of an offer's bids to so many rested workers matters, in so many offers of a seed: bids sent by its end, and when the nth came. */
  function drawn(workers: number, { seed, wanted = 3 }: { seed: number; wanted?: number }) {
    const parts = Hire.partsFor(workers, 0);
    const peers = Math.round(workers / parts);
    const random = seededRandom(seed, `${workers}`);
    return Array.from({ length: 200 }, () => {
      const delays = Array.from({ length: peers }, () =>
        Hire.delay({ draw: 1 - random.fraction(), peers, parts, weight: 2 * Hire.MOST_RESTED }),
      ).sort((a, b) => a - b);
      const filledMs = delays[wanted - 1] ?? Number.POSITIVE_INFINITY;
      const sent = delays.filter((ms) => ms < filledMs + 900).length;
      return { sent, firstMs: delays[0] ?? Number.POSITIVE_INFINITY, filledMs };
    });
  }
  const sharePercent = <T>(all: readonly T[], of: (one: T) => boolean) =>
    (100 * all.filter(of).length) / all.length;

  test.each(
    [1, 2, 3].flatMap((seed) => [
      [200, 12, seed] as const,
      [2_000, 12, seed] as const,
      [20_000, 16, seed] as const,
    ]),
  )(
    "draws from %i rested workers no more than %i bids in 95 of 100 offers, the first within half a second (seed %i)",
    (workers, most, seed) => {
      const offers = drawn(workers, { seed });
      expect(sharePercent(offers, ({ sent }) => sent <= most)).toBeGreaterThanOrEqual(95);
      expect(sharePercent(offers, ({ firstMs }) => firstMs <= 500)).toBeGreaterThanOrEqual(95);
    },
  );

  test.each([200, 2_000, 20_000])(
    "of %i rested workers gives a crew and its backup in the first wave in 95 of 100 offers, by the second in 99, and by the third in all",
    (workers) => {
      const offers = [1, 2, 3].flatMap((seed) => drawn(workers, { seed }));
      const { lastsMs, everyMs } = Hire.WAVES;
      const within = (ms: number) => sharePercent(offers, ({ filledMs }) => filledMs <= ms);
      expect(within(lastsMs)).toBeGreaterThanOrEqual(95);
      expect(within(everyMs + lastsMs)).toBeGreaterThanOrEqual(99);
      expect(within(2 * everyMs + lastsMs)).toBe(100);
    },
  );

  test("of 2,000 rested workers gives a file its eight and a backup by the third wave, for twenty bids", () => {
    const offers = drawn(2_000, { seed: 1, wanted: 9 });
    const { lastsMs, everyMs } = Hire.WAVES;
    expect(sharePercent(offers, ({ filledMs }) => filledMs <= 2 * everyMs + lastsMs)).toBe(100);
    expect(sharePercent(offers, ({ sent }) => sent <= 20)).toBeGreaterThanOrEqual(95);
  });

  test("keeps the order of the draw in waves of 200 ms, 900 ms apart, and gives no two workers one instant", () => {
    const draws = Array.from({ length: 10_000 }, (_, n) => 1 - (n + 0.5) / 10_000);
    const delays = draws.map((draw) => Hire.delay({ draw, peers: 200, weight: 1 }));
    expect(delays.every((ms, n) => n === 0 || ms > (delays[n - 1] ?? 0))).toBe(true);
    const intoWave = delays.map((ms) => ms % Hire.WAVES.everyMs);
    expect(Math.max(...intoWave)).toBeLessThanOrEqual(Hire.WAVES.lastsMs);
    expect(Math.max(...delays)).toBeGreaterThan(8 * Hire.WAVES.everyMs);
  });

  test("follows the specification of the waves: the second holds as much as the first, each further one as much as all before it", () => {
    const { holdsMs, lastsMs, everyMs } = Hire.WAVES;
    // Of 200 workers at weight 1 the smooth delay is 200 x 100 ms x 48 x -ln u.
    const at = (waves: number) =>
      Hire.delay({ draw: Math.exp((-waves * holdsMs) / 960_000), peers: 200, weight: 1 });
    expect(at(0.5)).toBeCloseTo(lastsMs / 2, 6);
    expect(at(1.5)).toBeCloseTo(everyMs + lastsMs / 2, 6);
    expect(at(3)).toBeCloseTo(2 * everyMs + lastsMs / 2, 6);
    expect(at(6)).toBeCloseTo(3 * everyMs + lastsMs / 2, 6);
  });

  test.each([
    [0, 0, 1],
    [47, 0, 1],
    [48, 0, 2],
    [1_000, 0, 32],
    [10_000, 0, 64],
    [1_000_000, 0, 64],
    [1_000_000, 1, 16],
    [1_000_000, 2, 4],
    [1_000_000, 3, 1],
    [1_000_000, 9, 1],
  ])(
    "is told to as many of %i workers as are wanted: after %i unanswered offers to one part of %i",
    (workers, unanswered, parts) => {
      expect(Hire.partsFor(workers, unanswered)).toBe(parts);
    },
  );

  test.each([20, 200, 2_000])(
    "has the first of %i workers that have just joined speak within 2.5 s",
    (peers) => {
      expect(bids(peers, () => 1, 20).first).toBeLessThan(2_500);
    },
  );
});

describe("an award", () => {
  const award: Award = {
    id: bytes(7, 16),
    offer: offer.id,
    stream: offer.stream,
    worker: "worker",
    epoch: 3,
    role: "crew",
    price: 1_000n,
    payee: bytes(8, 20),
    lane: 4,
    pot,
  };
  const standing: Hire.Standing = {
    ...me,
    payee: bytes(8, 20),
    lane: 4,
    offer,
    award: award.id,
    epoch: 2,
  };

  test("that fits the bid is taken, and replaces an older one for the same stream", () => {
    expect(Hire.accept(award, standing)).toEqual({ ok: true });
    expect(Hire.accept(award, { ...standing, working: [stream] })).toEqual({ ok: true });
  });

  test.each<[string, Partial<Award>, Partial<Hire.Standing>, Hire.Refusal]>([
    ["for an offer nobody knows", {}, { offer: undefined }, "gone"],
    ["under an id that the bid did not draw", { id: bytes(6, 16) }, {}, "gone"],
    ["under an id that was taken already", {}, { award: undefined }, "gone"],
    ["for another worker", { worker: "x" }, {}, "gone"],
    ["for another wallet", { payee: bytes(9, 20) }, {}, "gone"],
    ["for another lane", { lane: 5 }, {}, "gone"],
    ["of an old epoch", { epoch: 2 }, {}, "gone"],
    ["above what was offered", { price: 1_001n }, {}, "too expensive"],
    ["while paused", {}, { shut: true }, "closed"],
    ["of a stream denied since the bid", {}, { lists: { allow: [], deny: [stream] } }, "denied"],
    ["below the price", { price: 999n }, {}, "too expensive"],
    ["in a codec not measured", {}, { capabilities: [] }, "incapable"],
    ["with all streams taken", {}, { working: [..."12345678"] }, "capped"],
    ["with nothing free", {}, { free: 0 }, "busy"],
  ])("%s is refused", (_, values, mine, why) => {
    const answer = Hire.accept({ ...award, ...values } as Award, { ...standing, ...mine });
    expect(answer).toMatchObject({ ok: false, reason: why });
  });
});

test("a job that was called back has sent what was made of it, and a part of a wei is one", () => {
  const of = (frames: number) => Hire.sent(Amount.of(100), { frames, planned: 60 });
  expect([0, 1, 30, 60, 99].map(of)).toEqual([0n, 2n, 50n, 100n, 100n]);
  expect(Hire.sent(Amount.of(100), { frames: 0, planned: 0 })).toBe(100n);
});

const ahead = (...of: (readonly [amount: bigint, sent: bigint, done?: true])[]) =>
  of.map(([amount, sent, done], i) => ({
    seq: i + 1,
    amount: Amount.of(amount),
    sent: Amount.of(sent),
    making: done === undefined,
  }));

test.each<[string, bigint, readonly Hire.Ahead[], boolean, ReturnType<typeof Hire.room>]>([
  ["is there where little is unpaid", 10n, [], false, { ok: true, instead: [] }],
  ["is not there where a wei lacks", 9n, [], true, { ok: false, instead: [] }],
  [
    "is not there beyond what leaves already",
    19n,
    ahead([10n, 0n]),
    false,
    { ok: false, instead: [] },
  ],
  [
    "is there for what is done, in place of what is made",
    19n,
    ahead([10n, 0n]),
    true,
    { ok: true, instead: [1] },
  ],
  [
    "is taken from nobody where there is just enough",
    20n,
    ahead([10n, 0n]),
    true,
    { ok: true, instead: [] },
  ],
  [
    "is given up as far as it was not used",
    19n,
    ahead([10n, 9n]),
    true,
    { ok: true, instead: [1] },
  ],
  ["is not given up where it was used", 19n, ahead([10n, 10n]), true, { ok: false, instead: [] }],
  [
    "is given up by the youngest",
    29n,
    ahead([10n, 0n], [10n, 0n]),
    true,
    { ok: true, instead: [2] },
  ],
  [
    "is given up by as many as it takes",
    10n,
    ahead([4n, 0n], [4n, 0n], [2n, 0n]),
    true,
    { ok: true, instead: [3, 2, 1] },
  ],
  ["is not given up in vain", 9n, ahead([4n, 0n], [4n, 0n]), true, { ok: false, instead: [] }],
  [
    "is not given up by what is done",
    10n,
    ahead([10n, 0n, true]),
    true,
    { ok: false, instead: [] },
  ],
  ["is never there where too much is out", -5n, [], true, { ok: false, instead: [] }],
])("room for a segment of ten wei %s", (_, left, leaving, done, expected) => {
  const of = { left: left as Amount, ahead: leaving, done };
  expect(Hire.room(Amount.of(10n), of)).toEqual(expected);
});

describe("a worker that is left unpaid", () => {
  test.each<[string, readonly Hire.Unpaid[], number, number, ReturnType<typeof Hire.leaves>]>([
    ["leaves once all was superseded", ["superseded", "superseded"], 0, 0, 5_000],
    ["leaves for longer the third time", ["superseded", "superseded"], 0, 2, 20_000],
    ["leaves for ten minutes at most", ["superseded"], 0, 40, 600_000],
    ["stays while less than a minute went by", ["owed", "superseded"], 59_999, 0, undefined],
    ["leaves after a minute without room", ["owed", "superseded"], 60_000, 0, 600_000],
    ["leaves for long where all was bad", ["bad", "bad"], 0, 0, 600_000],
    ["stays where some was bad and some is owed", ["bad", "owed"], 59_999, 0, undefined],
    ["stays where another stream of its pot took the room", [], 59_999, 0, undefined],
    ["leaves a pot whose other streams took the room for a minute", [], 60_000, 0, 600_000],
  ])("%s", (_, unpaid, fullMs, times, expected) => {
    expect(Hire.leaves(unpaid, { fullMs, times })).toBe(expected);
  });
});
