import type { Hex } from "@tabcast/channel";
import { Hire } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import { type Award, Bye, type CrewKeys, type Offer, PROTOCOLS } from "@tabcast/protocol";
import { type Amount, BoundedMap, toHex } from "@tabcast/runtime";
import { answer, ask } from "../exchange.ts";
import type { WorkerContext } from "./context.ts";
import { openReceipts, type Receipts } from "./receipts.ts";

/** Engagements remembered after they are over. */
const MOST_LEFT = 16;
/** Streams whose epochs are remembered. Of one that made room an old award is refused all the same: its id was drawn for another bid. */
const MOST_EPOCHS = 1_024;
/** Unpaid segments of one stream that a verdict can still be about; the oldest makes room. What they are worth is in the purse. */
const MOST_UNPAID = 64;
/** How long a broadcaster may be unreachable before its engagement is given up, in milliseconds. */
const GONE_MS = 60_000;
/** How long a broadcaster may take to hear a goodbye, in milliseconds. */
export const BYE_MS = 5_000;
const NOTHING = new Uint8Array(0);

/** What an award makes: a stream, and the terms on which we work for it. */
interface Hired {
  readonly award: Award;
  /** The offer that we bid on. */
  readonly offer: Offer;
  /** Those under which that offer was opened: what is made is encrypted for the same stream. Undefined: it was made in the open. */
  readonly crewKeys: CrewKeys | undefined;
  readonly broadcaster: PeerId;
  readonly potId: Hex;
}

/** The room of a segment that is in hand. */
export interface Leaving {
  /** Amount; nothing once it is in the books. */
  readonly amount: Amount;
  /** What has left of it while it was made. */
  readonly sent: Amount;
  /** `booked`: what it is worth is being written down, or was: it counts in the books and not here. */
  readonly stage: "making" | "done" | "booked";
}

/** A stream we work for. */
export interface Engagement extends Hired {
  /** Lower-case hex of the award's id. */
  readonly id: string;
  readonly stream: string;
  /** Jobs in hand, by sequence. */
  readonly jobs: Map<number, AbortController>;
  readonly receipts: Receipts;
  /** Segments delivered and not yet paid, and what they are worth. Changed by `credit.ts` alone, like the next two. */
  readonly unpaid: BoundedMap<number, { readonly state: Hire.Unpaid; readonly amount: Amount }>;
  /** Segments in hand of which something may leave: they have their room already. */
  readonly ahead: Map<number, Leaving>;
  /** Since when a finished segment has found no room among the unpaid, in milliseconds; undefined: there was some. */
  fullSince: number | undefined;
  /** When a job of it found no slot, in milliseconds, and none has since; undefined: it waits for none. Changed by `jobs.ts` alone. */
  turnedAwayAt: number | undefined;
}

/** The streams this tab works for: from an award until either side goes. Knows no job's content and no voucher. */
export interface Engagements {
  all(): readonly Engagement[];
  /** By the id of its award. */
  get(award: Uint8Array): Engagement | undefined;
  /** The same, also of one that is over: its last vouchers may still come. */
  ever(award: Uint8Array): Engagement | undefined;
  /** Highest epoch taken from a stream, 0 for none; an older award is a late one. */
  epoch(stream: string): number;
  /** Milliseconds since the last engagement was over, or we joined. */
  restedMs(): number;
  /** Jobs in hand, of all engagements. */
  jobs(): number;
  /** Begins an engagement; one that we had with the same stream is over. */
  take(hired: Hired): void;
  /** Ends an engagement and its jobs. What was delivered may still be paid. Does nothing if it is over. */
  leave(engagement: Engagement): void;
  /** Leaves, and lets the stream's offers be bid on again, should it or this tab come back before they end. */
  quit(engagement: Engagement): void;
  /** Tells a broadcaster that we go, or will. */
  bye(broadcaster: PeerId, words: Bye): void;
  /** Says goodbye to all and leaves. Resolves when they have heard it, or `signal` fires. */
  close(options: { signal: AbortSignal }): Promise<void>;
}

export interface EngagementsOptions {
  /** A stream was quit. */
  readonly quitted: (stream: string) => void;
}

export function openEngagements(
  { mesh, clock, on, signal }: WorkerContext,
  { quitted }: EngagementsOptions,
): Engagements {
  const engagements = new Map<string, Engagement>();
  const left = new BoundedMap<string, Engagement>(MOST_LEFT);
  const epochs = new BoundedMap<string, number>(MOST_EPOCHS);
  let restingSince = clock.now();

  const all = () => [...engagements.values()];
  const leave = (engagement: Engagement) => {
    if (!engagements.delete(engagement.id)) return;
    for (const job of engagement.jobs.values()) job.abort(new Error("the broadcaster left"));
    restingSince = clock.now();
    left.set(engagement.id, engagement);
    void mesh.keep(engagement.broadcaster, false).catch(() => {});
    on({ type: "left", stream: engagement.stream });
  };
  const quit = (engagement: Engagement) => {
    quitted(engagement.stream);
    leave(engagement);
  };

  /** A broadcaster that is away for this long has given us up as we have it. */
  async function letGo(peer: PeerId): Promise<void> {
    const theirs = () => all().filter(({ broadcaster }) => broadcaster === peer);
    if (theirs().length === 0) return;
    await clock.sleep(GONE_MS, { signal });
    if (mesh.neighbours().some((one) => one.peer === peer)) return;
    for (const engagement of theirs()) quit(engagement);
  }

  const heard = (head: Uint8Array, peer: PeerId) => {
    const { award, why } = Bye.decode(head);
    const theirs = all().filter(
      // One without an award is the word of a worker, which the same tab may be.
      ({ id, broadcaster }) => broadcaster === peer && id === toHex(award),
    );
    // Whom it dropped for being slow it may want again before it makes another offer.
    for (const engagement of theirs) (Hire.maybeAgain(why) ? quit : leave)(engagement);
    return theirs.length > 0 ? NOTHING : undefined;
  };
  answer(mesh, PROTOCOLS.bye, signal, heard, { everybody: true });
  mesh.watch(
    (event) => {
      if (event.type === "disconnected") letGo(event.peer).catch(() => {}); // only `signal` rejects
    },
    { signal },
  );

  return {
    all,
    get: (award) => engagements.get(toHex(award)),
    ever: (award) => engagements.get(toHex(award)) ?? left.get(toHex(award)),
    epoch: (stream) => epochs.get(stream) ?? 0,
    restedMs: () => clock.now() - restingSince,
    jobs: () => all().reduce((sum, engagement) => sum + engagement.jobs.size, 0),
    take(hired) {
      const { award, broadcaster } = hired;
      const [id, stream] = [toHex(award.id), toHex(award.stream)];
      epochs.set(stream, award.epoch);
      for (const engagement of all()) if (engagement.stream === stream) leave(engagement); // its epoch is over
      engagements.set(id, {
        ...hired,
        id,
        stream,
        jobs: new Map(),
        receipts: openReceipts(),
        // A new award does not make the old debts forgotten.
        unpaid:
          [...left.values()].findLast((old) => old.stream === stream)?.unpaid ??
          new BoundedMap(MOST_UNPAID),
        ahead: new Map(),
        fullSince: undefined,
        turnedAwayAt: undefined,
      });
      void mesh.keep(broadcaster, true).catch(() => {}); // losing the mark only makes pruning likelier
      on({ type: "hired", stream, role: award.role, potId: hired.potId });
    },
    leave,
    quit,
    bye(broadcaster, words) {
      const limits = AbortSignal.any([signal, clock.timeout(BYE_MS)]);
      const heard = ask(mesh, broadcaster, PROTOCOLS.bye, Bye.encode(words), { signal: limits });
      heard.catch(() => {}); // it will find out by itself
    },
    async close(options) {
      const everybody = new Set(all().map(({ broadcaster }) => broadcaster));
      const bye = Bye.encode({ why: "closing", finishing: false, award: NOTHING });
      const heard = [...everybody].map((peer) => ask(mesh, peer, PROTOCOLS.bye, bye, options));
      for (const engagement of all()) leave(engagement);
      await Promise.allSettled(heard);
    },
  };
}
