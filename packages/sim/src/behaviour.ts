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
  return {
    ...mesh,
    serve(protocol, handler, options) {
      if (protocol !== PROTOCOLS.get) return mesh.serve(protocol, handler, options);
      mesh.serve(
        protocol,
        async function* (request, asker) {
          for await (const part of handler(request, asker)) {
            if (part.body.byteLength < 100 || done++ < from || random.fraction() >= share)
              yield part;
            else {
              cheated();
              const body = part.body.slice();
              body[40] = (body[40] ?? 0) ^ 1;
              yield { head: part.head, body };
            }
          }
        },
        options,
      );
    },
  };
}
