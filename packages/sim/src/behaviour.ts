/** Attacks as switches. Production code has no way in here: a cheat is a worker with another device or another mesh. */
import type { Mesh } from "@tabcast/mesh";
import { PROTOCOLS } from "@tabcast/protocol";
import type { Random } from "@tabcast/runtime";
import { DEFECTS, type Defect, type Header, type Touch } from "./codec.ts";
import type { Scenario } from "./scenario.ts";

export type Behaviour = NonNullable<Scenario["workers"][number]["behaviour"]>;

/** Milliseconds that a late result is late. */
const LATE_MS = 30_000;
/** Longer than any run. */
const NEVER_MS = 1e9;
/** How much a device that lies about its speed claims. */
export const BOAST = 3;

const isDefect = (kind: string): kind is Defect => DEFECTS.some((one) => one === kind);

/** What a cheat does to a result; undefined for one that cheats in another way. `cheated` is told of each segment. */
export function touchOf(
  { kind, share, from }: Behaviour,
  random: Random,
  cheated: (header: Header) => void,
): Touch | undefined {
  let done = 0;
  const change = changeOf(kind);
  if (change === undefined) return undefined;
  return (made) => {
    if (done++ < from || random.fraction() >= share) return made;
    cheated(made.header);
    return change(made);
  };
}

function changeOf(kind: Behaviour["kind"]): Touch | undefined {
  if (isDefect(kind))
    return (made) => ({
      ...made,
      header: { ...made.header, defect: kind },
      size: kind === "black" ? 0.002 : made.size,
    });
  switch (kind) {
    case "replay":
      return (made) => ({
        ...made,
        header: {
          ...made.header,
          start: made.header.start - made.header.frames * made.header.frame,
        },
      });
    case "starve":
      return (made) => ({ ...made, size: 1 / 3 });
    case "dropped-frames":
      return (made) => ({
        ...made,
        header: { ...made.header, frames: Math.floor(made.header.frames / 2) },
      });
    case "late":
      return (made) => ({ ...made, holdMs: LATE_MS });
    case "stall":
      return (made) => ({ ...made, holdMs: NEVER_MS });
    default:
      return undefined;
  }
}

/** A cheat's mesh: it serves other bytes than it promised, or sees nobody and so bids at once. */
export function meshOf(
  { kind, share, from }: Behaviour,
  mesh: Mesh,
  random: Random,
  cheated: () => void,
): Mesh {
  if (kind === "bid-storm") return { ...mesh, subscribers: () => [] };
  if (kind !== "bad-hash") return mesh;
  let done = 0;
  /** Jobs to come in which what is asked for by hash is spoilt too: what came ahead and does not hash is pulled. */
  let spoilt = 0;
  const spoil = (body: Uint8Array) => {
    const other = body.slice();
    if (other.byteLength >= SPOILT_FROM) other[40] = (other[40] ?? 0) ^ 1;
    return other;
  };
  return {
    ...mesh,
    serve(protocol, handler, options) {
      if (protocol !== PROTOCOLS.get && protocol !== PROTOCOLS.job)
        return mesh.serve(protocol, handler, options);
      mesh.serve(
        protocol,
        async function* (request, asker) {
          const job = protocol === PROTOCOLS.job;
          const bad = job && done++ >= from && random.fraction() < share;
          if (bad) cheated();
          if (job) spoilt = bad ? SPOILT_JOBS : Math.max(0, spoilt - 1);
          for await (const { head, body } of handler(request, asker))
            yield { head, body: bad || (!job && spoilt > 0) ? spoil(body) : body };
        },
        options,
      );
    },
  };
}

/** Bodies from this size on are renditions, in bytes. */
const SPOILT_FROM = 100;
const SPOILT_JOBS = 2;
