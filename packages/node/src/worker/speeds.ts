import { type Capability, type CodecName, Observed } from "@tabcast/media";
import type { Clock } from "@tabcast/runtime";

/** Measures one codec again. */
export type Measure = (options: {
  readonly codec: CodecName;
  readonly signal: AbortSignal;
}) => Promise<Capability>;

export interface SpeedsOptions {
  /** As measured at join. */
  readonly capabilities: readonly Capability[];
  /** Undefined: figures follow the jobs, and nothing is measured again. */
  readonly measure?: Measure | undefined;
  readonly clock: Clock;
  /** A figure has changed. */
  readonly changed: (capability: Capability) => void;
  readonly failed: (error: unknown) => void;
  readonly signal: AbortSignal;
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
}

/** A figure that keeps the tab from work is taken again after so long, twice as long each time that it stays, in milliseconds. */
const RETRY_MS = { first: 5_000, most: 60_000 };

/** Begins with what was measured, and follows what the jobs show. */
export function openSpeeds({
  capabilities,
  measure,
  clock,
  changed,
  failed,
  signal,
}: SpeedsOptions): Speeds {
  const known = new Map<CodecName, { capability: Capability; observed: Observed.Observed }>();
  const doubted = new Set<CodecName>();
  /** When an offer may have a codec measured again, and after what wait; never where measuring has shown no encoder. */
  const waits = new Map<CodecName, { readonly ms: number; readonly until: number }>();
  let measuring = false;
  const set = (capability: Capability, observed: Observed.Observed) =>
    known.set(capability.codec, { capability, observed });
  for (const capability of capabilities)
    set(capability, Observed.measured(capability.pixelsPerSecond));

  async function again(codec: CodecName, measureNow: Measure): Promise<void> {
    const capability = await measureNow({ codec, signal });
    set(capability, Observed.measured(capability.pixelsPerSecond));
    changed(capability);
  }

  return {
    capabilities: () => [...known.values()].map(({ capability }) => capability),
    worked(codec, job) {
      waits.delete(codec);
      const held = known.get(codec);
      if (held === undefined) return;
      const { state, measureAgain } = Observed.observe(held.observed, job);
      const { pixelsPerSecond } = state;
      const moved = pixelsPerSecond !== held.capability.pixelsPerSecond;
      const capability = moved ? { ...held.capability, pixelsPerSecond } : held.capability;
      set(capability, state);
      if (moved) changed(capability);
      if (measureAgain) doubted.add(codec);
    },
    doubt(codec) {
      const now = clock.now();
      const last = waits.get(codec) ?? { ms: 0, until: now };
      if (measuring || now < last.until) return;
      const ms = Math.min(RETRY_MS.most, Math.max(RETRY_MS.first, 2 * last.ms));
      waits.set(codec, { ms, until: now + ms });
      doubted.add(codec);
    },
    idle() {
      const [codec] = doubted;
      if (codec === undefined || measure === undefined || measuring || signal.aborted) return;
      measuring = true;
      doubted.delete(codec);
      again(codec, measure)
        .catch((error: unknown) => {
          if (!known.has(codec)) waits.set(codec, { ms: 0, until: Number.POSITIVE_INFINITY });
          if (!signal.aborted) failed(error);
        })
        .finally(() => {
          measuring = false;
        });
    },
  };
}
