import { AvailabilityCheck, type Crew } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import { openFetcher } from "../fetcher.ts";
import { openHolding } from "../holding.ts";
import type { StreamContext } from "./context.ts";
import type { Outcome } from "./outcome.ts";
import type { Whose } from "./records.ts";

/** How long a worker may take to give what it is asked for, in milliseconds. */
const PULL_MS = 10_000;
/** Segments of which something is being asked for; beyond them nothing is. */
const MOST_PULLS = 8;

export interface AvailabilityChecksOptions {
  /** Of `Checks`: what the offer commits to. */
  readonly seed: Uint8Array;
  readonly member: (worker: PeerId) => Crew.Member | undefined;
  readonly newcomer: (whose: Whose) => boolean;
  /** A worker twice refused what it owes. */
  readonly unserved: (worker: PeerId) => void;
}

/** Asks workers for what was published of them, as a viewer would: carries out `AvailabilityCheck`. */
export interface AvailabilityChecks {
  /** To be told of every segment once viewers can ask for it. */
  published(outcome: Outcome): void;
  /** Renditions asked for, those that were refused for good, and the bytes that came. */
  counts(): { readonly asked: number; readonly unserved: number; readonly bytes: number };
}

export function openAvailabilityChecks(
  context: Pick<StreamContext, "mesh" | "config" | "clock" | "secrets" | "signal">,
  { seed, member, newcomer, unserved }: AvailabilityChecksOptions,
): AvailabilityChecks {
  const { mesh, config, clock, signal } = context;
  const fetcher = openFetcher(context);
  const { more } = openHolding(context.secrets);
  const tally = { asked: 0, unserved: 0, bytes: 0 };
  let pulls = 0;

  async function pull(outcome: Outcome, worker: PeerId): Promise<void> {
    const { pay, renditions } = outcome;
    const [any] = renditions;
    if (pay === undefined || any === undefined) return;
    const { epoch } = pay.terms;
    const sizes = renditions.map(({ media }) => media.byteLength + more);
    const of = { hash: any.mediaHash, sizes, newcomer: newcomer(pay.terms) };
    const plan = AvailabilityCheck.plan(of, seed, config);
    if (plan === undefined) return;
    const asked = renditions[plan.rendition] ?? any;
    const wanted = {
      hash: asked.mediaHash,
      size: asked.media.byteLength + more,
      holders: [{ peer: worker, addrs: outcome.addrs }],
    };
    const answers: AvailabilityCheck.Answer[] = [];
    let waitMs = plan.afterMs;
    for (;;) {
      const next = AvailabilityCheck.settle(answers);
      if (next === "over") return;
      if (next === "unserved") {
        tally.unserved++;
        return unserved(worker);
      }
      await clock.sleep(waitMs, { signal });
      waitMs = config.availabilityCheck.againMs;
      answers.push(await ask(worker, epoch, wanted));
    }
  }

  async function ask(
    worker: PeerId,
    epoch: number,
    wanted: Parameters<typeof fetcher.fetch>[0],
  ): Promise<AvailabilityCheck.Answer> {
    const owes = () => AvailabilityCheck.owes(member(worker), epoch);
    if (!owes()) return "gone";
    tally.asked++;
    try {
      const wait = AbortSignal.any([signal, clock.timeout(PULL_MS)]);
      const { bytes } = await fetcher.fetch(wanted, { signal: wait });
      tally.bytes += bytes.byteLength;
      return "served";
    } catch {
      signal.throwIfAborted();
      // A stream that was reset says nothing: whose connection is lost is no member by the second try.
      return owes() ? "refused" : "gone";
    }
  }

  return {
    published(outcome) {
      const { by } = outcome;
      if (by === undefined || by === "local" || by === mesh.self || pulls >= MOST_PULLS) return;
      pulls++;
      pull(outcome, by)
        .catch(() => {}) // the stream is over
        .finally(() => {
          pulls--;
        });
    },
    counts: () => ({ ...tally }),
  };
}
