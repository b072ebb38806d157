/** Whom a fault means, found when it comes. */
import type { PeerId } from "@tabcast/mesh";
import type { Random } from "@tabcast/runtime";
import type { Who } from "./scenario.ts";

interface WorkerTarget {
  readonly name: string;
  readonly peer: PeerId;
  readonly speed: number;
}

interface StreamTarget {
  readonly name: string;
  readonly number: number;
  /** Who works for it now, and as what. */
  readonly crew: ReadonlyMap<PeerId, "crew" | "backup">;
  /** Who was sent each segment that is not published yet, by sequence. */
  readonly sentTo: ReadonlyMap<number, readonly PeerId[]>;
}

/** Whether a name is meant by an id ("lap", "lap/3", "lap/0-2"). */
function within(id: string, name: string): boolean {
  const [group = "", span] = id.split("/");
  const [from = 0, to = from] = (span ?? "0-9999").split("-").map(Number);
  const at = Number(name.split("/")[1]);
  return name.startsWith(`${group}/`) && at >= from && at <= to;
}

/** The workers, of those that are there, and the streams that `who` names; `random` draws a share. */
export function targets<Worker extends WorkerTarget, Stream extends StreamTarget>(
  who: Who,
  workers: readonly Worker[],
  streams: readonly Stream[],
  random: () => Random,
): { readonly workers: readonly Worker[]; readonly streams: readonly Stream[] } {
  if (typeof who === "string")
    return {
      workers: workers.filter(({ name }) => within(who, name)),
      streams: streams.filter(({ name }) => within(who, name)),
    };
  const stream = streams.find(({ number }) => number === (who.stream ?? 0));
  const only = (some: readonly Worker[]) => ({ workers: some, streams: [] });
  if (who.pick === "broadcaster") return { workers: [], streams: stream ? [stream] : [] };
  if (who.pick === "fastest")
    return only(workers.toSorted((a, b) => b.speed - a.speed).slice(0, 1));
  if (who.pick === "encoding") {
    // The oldest segment that somebody works on.
    const sent = [...(stream?.sentTo ?? [])].sort(([a], [b]) => a - b).flatMap(([, all]) => all);
    const first = sent.find((peer) => workers.some((worker) => worker.peer === peer));
    return only(workers.filter(({ peer }) => peer === first));
  }
  if (who.pick !== undefined)
    return only(workers.filter(({ peer }) => stream?.crew.get(peer) === who.pick).slice(0, 1));
  const draw = random();
  return only(workers.filter(() => draw.fraction() < (who.share ?? 0)));
}
