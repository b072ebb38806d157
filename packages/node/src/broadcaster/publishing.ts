import type { Entry } from "@tabcast/protocol";
import { type Amount, SerialQueue } from "@tabcast/runtime";
import type { StreamContext } from "./context.ts";
import type { Entries } from "./entries.ts";
import { NOTHING } from "./local-encoder.ts";
import type { Outcome } from "./outcome.ts";
import { linesOf } from "./report.ts";
import type { PublishedSegment, SegmentLine } from "./types.ts";

export interface PublishingOptions {
  readonly entries: Entries;
  /** Pays for a segment; resolves with the amount, once its pictures are cleared. */
  readonly pay: (outcome: Outcome) => Promise<Amount>;
  /** Viewers can ask for a segment now. */
  readonly published: (outcome: Outcome, entry: Entry) => void;
  /** Where a recorder writes files. */
  readonly record: ((entry: PublishedSegment) => Promise<void>) | undefined;
  /** When the stream went on air, in milliseconds of the clock: the report's times count from it. */
  readonly liveAt: number;
  /** A segment could not be published, or recorded. */
  readonly fail: (error: unknown) => void;
  /** One segment more was published, or recorded. */
  readonly changed: () => void;
}

/** Pays for segments at once, and publishes and records them in the order of their sequence. */
export interface Publishing {
  done(outcome: Outcome): void;
  /** Segments that were published, or failed to be. */
  published(): number;
  /** Segments that were recorded, or never reached the recorder. */
  recorded(): number;
  lines(): readonly SegmentLine[];
}

export function openPublishing(
  { rungs, on }: Pick<StreamContext, "rungs" | "on">,
  options: PublishingOptions,
): Publishing {
  const { entries, pay, record, liveAt, fail, changed } = options;
  const outbox = new Map<number, { readonly outcome: Outcome; readonly paid: Promise<Amount> }>();
  const lines: SegmentLine[] = [];
  const publishing = new SerialQueue();
  // Apart from publishing: viewers and workers do not wait for a disk.
  const recording = new SerialQueue();
  let published = 0;
  let recorded = 0;

  async function publish(outcome: Outcome, paid: Promise<Amount>): Promise<void> {
    const made = { ...outcome, unasked: (await outcome.unasked) ?? NOTHING };
    const { whole, entry, gaps } = await entries.add(made);
    options.published(outcome, entry);
    void recording
      .run(async () => {
        // Nor does anybody wait for a spot check of the pictures, which payment waits for.
        const mine = linesOf(made, await paid, rungs, liveAt);
        lines.push(...mine);
        on({ type: "segment", seq: whole.seq, lines: mine, gaps });
        await record?.(whole);
      })
      .catch(fail)
      .finally(() => {
        recorded++;
        changed();
      });
  }

  /** Publishes what is complete up to the first segment that is not. */
  async function flush(): Promise<void> {
    for (;;) {
      const next = outbox.get(published);
      if (next === undefined) return;
      outbox.delete(published);
      try {
        await publish(next.outcome, next.paid);
      } catch (error) {
        fail(error);
        recorded++; // it never reached the recorder
      }
      published++;
      changed();
    }
  }

  return {
    done(outcome) {
      // Paid at once, published in order: a worker does not wait for somebody else's segment.
      outbox.set(outcome.segment.seq, { outcome, paid: pay(outcome) });
      void publishing.run(flush);
    },
    published: () => published,
    recorded: () => recorded,
    lines: () => lines,
  };
}
