import type { Allowance } from "@tabcast/runtime";
import type { Rate } from "./limits.ts";

/** Every number the market decides by. Source: facts of the market, November 2026, unless a line says otherwise. */
export interface Config {
  /** Largest number of bids looked at per offer; further ones are refused unread. */
  readonly mostBids: number;
  /** An offer is closed after this many valid bids, if they fill the crew. */
  readonly enoughBids: number;
  /** How long bids are collected before the first choice, in milliseconds. */
  readonly collectMs: number;
  /** How long an offer counts, in milliseconds; at most 30_000. It is renewed after half of it. */
  readonly offerTtlMs: number;
  /**
   * How long an award may stay unanswered, in milliseconds. 300 ms is enough between connected tabs; an award often has to
   * dial first, and a cold WebRTC connection through a relay takes seconds.
   */
  readonly acceptMs: number;
  /**
   * How long a worker that was superseded gets nothing, in milliseconds; twice as long the next time. 6 s, because a
   * connection takes that long to say that the other side is gone (facts of the mesh).
   */
  readonly suspendMs: number;
  /**
   * Late segments after which a worker is dropped, and what part of one a segment in time makes up for: one late in three is out within
   * 20, one in six never.
   */
  readonly late: { readonly most: number; readonly forgiven: number };
  /**
   * The same where nobody else is hired or bids, so that this tab's local encoder is the alternative: late segments after which a worker
   * is dropped, how long it then stays out, twice as long each time running up to `mostMs`, in milliseconds, and what share of the
   * pixels that it was late with it is believed to make in time. A stream that waited for `returnMs` each time was seen to
   * encode 45 of 85 segments itself because of one busy minute of its only worker.
   * Source: ours, November 2026, scenario busy-minute.
   */
  readonly alone: {
    readonly late: number;
    readonly awayMs: number;
    readonly mostMs: number;
    readonly makes: number;
  };
  /**
   * Verified segments after which a member makes room for the backup, where there is one: a bidder that is as good is to have a
   * turn. The facts of the market re-hire for files every 30 segments (section 3); with 30 a city of 200 equals and 30 streams shares
   * less evenly in ten minutes (Jain 0.76 to 0.79) than with 20.
   */
  readonly lease: number;
  /** How long a member that was dropped stays out, in milliseconds. */
  readonly returnMs: number;
  /** Results that failed a check, or were not served, before a worker is out of this stream for good. */
  readonly mostInvalid: number;
  /** Candidates drawn before the quickest is taken. */
  readonly drawn: number;
  /** A worker is feasible while this many times its predicted time is below the slack. */
  readonly margin: number;
  /** Share of a claimed speed that is believed until there are own measurements. */
  readonly claimTrust: number;
  /** Own measurements that replace a claim. */
  readonly measuredAfter: number;
  /** Weight of the newest value in every moving average. */
  readonly alpha: number;
  /** Upload rate to a worker before it is measured, in bits per second. */
  readonly assumedUplink: number;
  /** Time for the receipt and for pulling what is verified, before it is measured, in milliseconds. */
  readonly assumedPullMs: number;
  /** A tab's chance to stay: exp(-[((a+t)/scale)^shape - (a/scale)^shape]); scale in milliseconds. */
  readonly stay: { readonly shape: number; readonly scaleMs: number };
  /** How long a stream waits for its first worker, and later for a new one, before it encodes alone, in milliseconds. */
  readonly patience: { readonly firstMs: number; readonly laterMs: number };
  /** Attempts on workers before the segment is encoded here. */
  readonly mostAttempts: number;
  /** Silence after which the backup starts too, in milliseconds, however seldom the worker's heartbeats come. */
  readonly suspectMs: number;
  /**
   * The same once `after` of its heartbeats were heard: `times` the longest silence of the last one or two `memoryMs`, at least
   * `leastMs`, which is three heartbeats.
   */
  readonly quiet: {
    readonly after: number;
    readonly times: number;
    readonly leastMs: number;
    readonly memoryMs: number;
  };
  /** Silence after which a worker is given up, in milliseconds. */
  readonly deadMs: number;
  /** How long the source's bytes may take to reach a worker before it is given up, in milliseconds. */
  readonly uploadMs: number;
  /** Hedges earned per segment, and the most that are saved up. */
  readonly hedge: { readonly perSegment: number; readonly most: number };
  /** Jobs a worker has at once: one running, one fetched ahead. */
  readonly perWorker: number;
  /** The same for a newcomer where somebody proven could take the segment: keys cost nothing, and many new ones must not fill a stream. */
  readonly perNewcomer: number;
  /**
   * The draw among bids: e^(-price x dearness) x honesty^honesty x chance to stay^stay. `stake` raises honesty by a worker's share of
   * all stake; zero until there is stake.
   */
  readonly weights: {
    readonly price: number;
    readonly honesty: number;
    readonly stay: number;
    readonly stake: number;
  };
  /**
   * Whose pictures are spot-checked: the first `newcomer` results (every rung of the first `whole`, then one rung of each), then one in
   * as many as passed in a row, never fewer than `floor`. With four unpaid segments as the bond, cheating does not pay above 0.126
   * (facts of the market, section 10); 0.03 would do where a lost engagement is worth 16 segments more.
   * `waitMs`: how long publishing a live segment waits for its spot check.
   * `share`: the part of a live stream's time that spot checks may take where they are slow; the floor is kept all the same.
   * `payMs`: how long payment for a live segment waits for its spot check, unless its worker is needed before. After that the worker is
   * paid for what passed by its structure, since our being slow is not its fault; pictures found false later still cost it its engagement.
   */
  readonly check: {
    readonly whole: number;
    readonly newcomer: number;
    readonly floor: number;
    readonly share: number;
    readonly payMs: number;
    readonly waitMs: number;
  };
  /**
   * A worker's record: halved every `halfLifeMs`; `strikes.most` strikes within so many results keep it out for `suspendMs`, a proof of
   * two receipts for `proofMs`.
   */
  readonly trust: {
    readonly halfLifeMs: number;
    readonly strikes: { readonly most: number; readonly within: number };
    readonly suspendMs: number;
    readonly proofMs: number;
  };
  /**
   * Availability checks: the chance that a visit begins at a newcomer's segment, and at one of somebody proven; up to how long after it
   * was published, and how long after a failure a second look is due, in milliseconds; the most segments of a visit, of which k are
   * watched with the chance 1/k. `livesMs`: how long the visitor is the same peer, from and to. With the bench's ladder visits are 6.8
   * and 4.9 % of its bytes (est); a worker is found within 20 segments that it does not serve in 99 % of cases (est). Source: ours,
   * November 2026.
   */
  readonly availabilityCheck: {
    readonly newcomer: number;
    readonly later: number;
    readonly withinMs: number;
    readonly againMs: number;
    readonly mostSegments: number;
    readonly livesMs: readonly [least: number, most: number];
  };
  /**
   * Viewers' complaints: what each may say, and what all together whose complaints were not confirmed; the part of what is published, in
   * bytes, that looks on their account may cost; how long a holder that was found fine is left alone for strangers' complaints, twice as
   * long each time running, in milliseconds. A viewer complains once of a holder in a look's time, and a stream has nine holders at most.
   * Source: ours, November 2026.
   */
  readonly complaints: {
    readonly each: Allowance;
    readonly strangers: Allowance;
    readonly share: number;
    readonly quietMs: number;
    readonly mostQuietMs: number;
  };
  /** What a peer may send us of each kind, before it is limited and then cut off. */
  readonly rates: {
    readonly [Kind in
      | "offer"
      | "bid"
      | "receipt"
      | "proof"
      | "delegate"
      | "voucher"
      | "complaint"]: Rate;
  };
}

const HOUR_MS = 3_600_000;

/** For live streams. */
export const LIVE: Config = {
  mostBids: 64,
  enoughBids: 8,
  collectMs: 500,
  offerTtlMs: 30_000,
  acceptMs: 5_000,
  suspendMs: 6_000,
  late: { most: 3, forgiven: 0.2 },
  alone: { late: 2, awayMs: 4_000, mostMs: 10_000, makes: 0.5 },
  lease: 20,
  returnMs: 30_000,
  mostInvalid: 2,
  drawn: 6,
  margin: 1.3,
  claimTrust: 0.7,
  measuredAfter: 3,
  alpha: 0.3,
  assumedUplink: 10_000_000,
  assumedPullMs: 100,
  stay: { shape: 0.5, scaleMs: 300_000 },
  patience: { firstMs: 10_000, laterMs: 3_000 },
  mostAttempts: 3,
  suspectMs: 1_200,
  quiet: { after: 20, times: 2, leastMs: 300, memoryMs: 15_000 },
  deadMs: 3_000,
  uploadMs: 20_000,
  hedge: { perSegment: 0.1, most: 10 },
  perWorker: 2,
  perNewcomer: 1,
  weights: { price: 1, honesty: 2, stay: 1, stake: 0 },
  check: { whole: 3, newcomer: 10, floor: 0.15, share: 0.25, payMs: 4_000, waitMs: 500 },
  trust: {
    halfLifeMs: 72 * HOUR_MS,
    strikes: { most: 2, within: 20 },
    suspendMs: 72 * HOUR_MS,
    proofMs: 30 * 24 * HOUR_MS,
  },
  availabilityCheck: {
    newcomer: 0.35,
    later: 0.22,
    withinMs: 1_000,
    againMs: 2_000,
    mostSegments: 8,
    livesMs: [90_000, 360_000],
  },
  complaints: {
    each: { perSecond: 1 / 60, burst: 3 },
    strangers: { perSecond: 0.5, burst: 20 },
    share: 0.05,
    quietMs: 20_000,
    mostQuietMs: 320_000,
  },
  rates: {
    // A stream repeats its offer every 2 s while it lacks crew; one neighbour forwards nothing under its own name.
    offer: { perSecond: 4, burst: 40, patience: 50, cutMs: 60_000 },
    bid: { perSecond: 1, burst: 10, patience: 20, cutMs: 60_000 },
    // Parts of answers: ten a second for each of two jobs, and more where much is sent ahead.
    receipt: { perSecond: 60, burst: 300, patience: 100, cutMs: 60_000 },
    proof: { perSecond: 0.2, burst: 5, patience: 20, cutMs: 600_000 },
    // One for each stream every 30 s; an unknown pot costs us a look at the chain.
    delegate: { perSecond: 0.3, burst: 8, patience: 20, cutMs: 600_000 },
    // For awards that we no longer know, as after a reload: each costs us a look at a signature.
    voucher: { perSecond: 1, burst: 8, patience: 20, cutMs: 60_000 },
    // Each costs us a look at a hash, and one at a signature where there is work behind it.
    complaint: { perSecond: 0.5, burst: 8, patience: 20, cutMs: 600_000 },
  },
};

/** For files at full speed: nothing is late, only lost. */
export const FAST: Config = {
  ...LIVE,
  suspectMs: 10_000,
  quiet: { ...LIVE.quiet, leastMs: 10_000 },
  deadMs: 20_000,
  uploadMs: 60_000,
};
