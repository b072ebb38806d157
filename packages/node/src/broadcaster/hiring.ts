import { type Assign, Crew } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import { knowPeers } from "../ranks.ts";
import { type ApplicantsOptions, serveApplicants } from "./applicants.ts";
import type { StreamContext } from "./context.ts";
import { type OfferingContext, type OfferingOptions, openOffering } from "./offering.ts";
import { whoseOf } from "./records.ts";

export type HiringContext = OfferingContext & Pick<StreamContext, "random">;

export interface HiringOptions
  extends Omit<OfferingOptions, "tell" | "member">,
    Omit<ApplicantsOptions, "tell" | "member" | "bids" | "most"> {
  /** Somebody was hired or is gone: the available workers are others. */
  readonly changed: () => void;
  /** A member is gone: what it had in hand is lost. */
  readonly gone: (worker: PeerId) => void;
}

/** Carries out what `Crew` decides. Knows no segment. */
export interface Hiring {
  crew(): Crew.Crew;
  /** Who can be given a segment now. */
  available(): readonly Assign.AvailableWorker[];
  member(worker: PeerId): Crew.Member | undefined;
  /** Whether this tab had better not rely on a worker that has its segment. */
  doubtful(worker: PeerId): boolean;
  /** Where a worker said in its bid that it can be reached. */
  addrs(worker: PeerId): readonly string[];
  tell(event: Crew.Event): void;
  /** To be called as time passes, at least ten times a second. */
  tick(): void;
}

export function openHiring(context: HiringContext, options: HiringOptions): Hiring {
  const { mesh, config, clock, random, on } = context;
  const { need, records, changed, gone } = options;
  let crew = Crew.open(need);
  const member = (worker: PeerId) => crew.members.get(worker);
  const offering = openOffering(context, { ...options, tell, member });

  function act(effect: Crew.Effect): void {
    switch (effect.do) {
      case "offer":
        offering.offer(effect);
        return;
      case "closed":
        offering.closed(effect.offer);
        return;
      case "award":
        if (effect.why !== undefined) on({ type: "chosen", ...effect.why });
        offering.award(effect.member, effect.offer);
        return;
      case "drop": {
        const { worker, state } = effect.member;
        void mesh.keep(worker, false).catch(() => {}); // it may be gone already
        if (effect.why !== "ended") {
          if (state !== "asked") on({ type: "dropped", worker, why: effect.why });
          gone(worker);
        }
        if (effect.why !== "left") offering.bye(effect.member, effect.why);
        return;
      }
      case "answer":
        return; // returned to the bidder by `serveApplicants`
    }
  }

  function tell(event: Crew.Event): readonly Crew.Effect[] {
    const [next, effects] = Crew.step(crew, event, config, random);
    const backups = [...crew.members.values()].filter(({ role }) => role === "backup");
    crew = next;
    for (const { worker, epoch } of backups) {
      const now = next.members.get(worker);
      if (now?.epoch === epoch && now.role === "crew") on({ type: "promoted", worker });
    }
    for (const effect of effects) act(effect);
    changed();
    return effects;
  }

  const most = Crew.MOST_KNOWN;
  const bids = (worker: PeerId) => crew.bids.has(worker) || crew.spare.has(worker);
  const { addrs } = serveApplicants(context, { ...options, tell, member, bids, most });
  const known = (peer: PeerId) => {
    if (member(peer) !== undefined) return "crew";
    return addrs(peer).length > 0 ? "bidder" : undefined;
  };
  knowPeers(mesh, known, context.signal);
  return {
    crew: () => crew,
    available: () => Crew.available(crew, config, (one) => records.newcomer(whoseOf(one))),
    member,
    doubtful: (worker) => Crew.doubtful(crew, worker),
    addrs,
    tell: (event) => void tell(event),
    tick() {
      const at = Crew.wakeAt(crew, config);
      if (at !== undefined && at <= clock.now()) tell({ type: "tick", now: clock.now() });
    },
  };
}
