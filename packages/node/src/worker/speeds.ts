import { Remeasure } from "@tabcast/market";
import { type Capability, type CodecName, type Measured, Observed } from "@tabcast/media";
import type { Context } from "../context.ts";

/** Measures one codec again; briefly, if it can: the smallest ladder alone, to see whether the rest is worth it. */
export type Measure = (options: {
  readonly codec: CodecName;
  readonly brief?: boolean;
  readonly signal: AbortSignal;
}) => Promise<Capability & Partial<Pick<Measured, "sizes" | "spread">>>;

type SpeedsContext = Pick<Context, "clock" | "signal">;

export interface SpeedsOptions {
  /** As measured at join. */
  readonly capabilities: readonly Capability[];
  /** Undefined: figures follow the jobs, and nothing is measured again. */
  readonly measure?: Measure | undefined;
  /** True while nothing is to be done for anybody. */
  readonly isIdle: () => boolean;
  /** A figure has changed. */
  readonly changed: (capability: Capability) => void;
  readonly failed: (error: unknown) => void;
}

/** How fast this device is, as far as its own jobs bear it out. */
export interface Speeds {
  /** What to advertise now. */
  capabilities(): readonly Capability[];
  /** A job was done. */
  worked(codec: CodecName, job: Observed.Worked): void;
  /** An offer was let pass, or bid on for fewer rungs, for this figure or the want of one: taken while the device was busy, it keeps nobody out for long. */
  doubt(codec: CodecName): void;
  /** Nothing is to be done at the moment: what is in doubt is measured again, one codec at a time. */
  idle(): void;
  /** A job has come: what is being measured is let go, and taken up again when there is nothing to do. */
  busy(): void;
}

/** The reason of a measurement that makes room for a job. */
class JobCame extends Error {}

interface Known {
  readonly capability: Capability;
  readonly observed: Observed.Observed;
  /**
   * Speed at the smallest ladder by the figure: what a brief measurement is held against. At most 1 until a whole one has confirmed more:
   * one that was disturbed in its later part shows the small ladder quicker than it is by the rest.
   */
  readonly smallShare: number;
}

const shareOf = (capability: Capability & Partial<Pick<Measured, "sizes">>): number =>
  smallOf(capability) / capability.pixelsPerSecond;

/** The speed at the smallest ladder that was measured, in output pixels per second. */
const smallOf = (capability: Capability & Partial<Pick<Measured, "sizes">>): number =>
  capability.sizes?.[0]?.pixelsPerSecond ?? capability.pixelsPerSecond;

/** The watch is read no more often than this, in milliseconds. */
const LEAST_SLEEP_MS = 250;
/** A figure that keeps the tab from work is taken again after so long, twice as long each time that it stays, in milliseconds. */
const RETRY_MS = { first: 5_000, most: 60_000 };

/** Begins with what was measured, and follows what the jobs show. */
export function openSpeeds(context: SpeedsContext, options: SpeedsOptions): Speeds {
  const { clock, signal } = context;
  const { capabilities, measure, changed, failed } = options;
  const known = new Map<CodecName, Known>();
  const doubts = openDoubts(context);
  const bench = openBench(context);
  const begin = (capability: Capability) =>
    known.set(capability.codec, {
      capability,
      observed: Observed.measured(capability.pixelsPerSecond),
      smallShare: Math.min(1, shareOf(capability)),
    });
  for (const capability of capabilities) begin(capability);

  /** A short trial of the first codec. */
  async function trial(
    measureNow: Measure,
    until: AbortSignal,
  ): Promise<Remeasure.Trial | undefined> {
    const [first] = known.values();
    if (first === undefined) return undefined;
    const { codec, pixelsPerSecond } = first.capability;
    const startedAt = clock.now();
    const found = await measureNow({ codec, brief: true, signal: until });
    const now = clock.now();
    return {
      now,
      tookMs: now - startedAt,
      found: smallOf(found),
      expected: first.smallShare * pixelsPerSecond,
      spread: found.spread,
    };
  }

  /** All are measured again, and none is lowered for it: what is no quicker says only how quick the small ladder is by the whole. */
  async function raise(measureNow: Measure, until: AbortSignal): Promise<void> {
    for (const each of [...known.keys()]) {
      const capability = await measureNow({ codec: each, signal: until });
      const held = known.get(each);
      if (held !== undefined && capability.pixelsPerSecond <= held.capability.pixelsPerSecond) {
        known.set(each, { ...held, smallShare: shareOf(capability) });
        continue;
      }
      begin(capability);
      changed(capability);
    }
  }

  if (measure !== undefined)
    watching(context, options, bench, {
      trial: (until) => trial(measure, until),
      raise: (until) => raise(measure, until),
    }).catch(() => {}); // the signal ended it

  return {
    capabilities: () => [...known.values()].map(({ capability }) => capability),
    worked(codec, job) {
      doubts.settled(codec);
      const held = known.get(codec);
      if (held === undefined) return;
      const { state, measureAgain } = Observed.observe(held.observed, job);
      const { pixelsPerSecond } = state;
      const moved = pixelsPerSecond !== held.capability.pixelsPerSecond;
      const capability = moved ? { ...held.capability, pixelsPerSecond } : held.capability;
      known.set(codec, { ...held, capability, observed: state });
      if (moved) changed(capability);
      if (measureAgain) doubts.add(codec);
    },
    doubt(codec) {
      if (!bench.taken()) doubts.again(codec);
    },
    idle() {
      const codec = doubts.first();
      if (codec === undefined || measure === undefined || bench.taken()) return;
      if (signal.aborted) return;
      doubts.delete(codec);
      bench
        .alone(async (until) => {
          const capability = await measure({ codec, signal: until });
          begin(capability);
          changed(capability);
        })
        .catch((error: unknown) => {
          if (error instanceof JobCame) {
            doubts.add(codec);
            return;
          }
          if (!known.has(codec)) doubts.never(codec);
          if (!signal.aborted) failed(error);
        });
    },
    busy: bench.letGo,
  };
}

/** Tries this device out whenever it is due and there is nothing to do, and has it measured as a whole where it is quicker than it says. */
async function watching(
  { clock, signal }: SpeedsContext,
  { isIdle, failed }: SpeedsOptions,
  bench: ReturnType<typeof openBench>,
  device: {
    readonly trial: (until: AbortSignal) => Promise<Remeasure.Trial | undefined>;
    readonly raise: (until: AbortSignal) => Promise<void>;
  },
): Promise<never> {
  let watch = Remeasure.begin(clock.now());
  const tryOut = async (until: AbortSignal) => {
    const trial = await device.trial(until);
    if (trial === undefined) return;
    const step = Remeasure.tried(watch, trial);
    watch = step.watch;
    if (step.quicker) await device.raise(until);
  };
  for (;;) {
    await clock.sleep(Math.max(LEAST_SLEEP_MS, watch.dueAt - clock.now()), { signal });
    const startedAt = clock.now();
    if (!isIdle() || bench.taken()) watch = Remeasure.put(watch, startedAt);
    else if (startedAt >= watch.dueAt)
      await bench.alone(tryOut).catch((error: unknown) => {
        const now = clock.now();
        if (error instanceof JobCame) {
          watch = Remeasure.put(watch, now);
          return;
        }
        watch = Remeasure.failed(watch, { now, tookMs: now - startedAt });
        if (!signal.aborted) failed(error);
      });
  }
}

/** Where one thing is measured at a time, while nothing is to be done. */
function openBench({ signal }: Pick<Context, "signal">) {
  let measuring: AbortController | undefined;
  return {
    taken: () => measuring !== undefined,
    /** Runs `task`; nothing else is measured beside it. Rejects with what it throws, or JobCame. */
    async alone(task: (until: AbortSignal) => Promise<void>): Promise<void> {
      const own = new AbortController();
      measuring = own;
      try {
        await task(AbortSignal.any([signal, own.signal]));
      } finally {
        measuring = undefined;
      }
    },
    letGo: () => measuring?.abort(new JobCame("a job has come")),
  };
}

/** Codecs whose figure is in doubt, and when an offer may have one measured again. */
function openDoubts({ clock }: Pick<Context, "clock">) {
  const doubted = new Set<CodecName>();
  /** After what wait; never where measuring has shown no encoder. */
  const waits = new Map<CodecName, { readonly ms: number; readonly until: number }>();
  return {
    add: (codec: CodecName) => void doubted.add(codec),
    delete: (codec: CodecName) => void doubted.delete(codec),
    first: (): CodecName | undefined => doubted.values().next().value,
    /** An offer doubts it: at once, and then less and less often for as long as it stays. */
    again(codec: CodecName): void {
      const now = clock.now();
      const last = waits.get(codec) ?? { ms: 0, until: now };
      if (now < last.until) return;
      const ms = Math.min(RETRY_MS.most, Math.max(RETRY_MS.first, 2 * last.ms));
      waits.set(codec, { ms, until: now + ms });
      doubted.add(codec);
    },
    settled: (codec: CodecName) => void waits.delete(codec),
    never: (codec: CodecName) => void waits.set(codec, { ms: 0, until: Number.POSITIVE_INFINITY }),
  };
}
