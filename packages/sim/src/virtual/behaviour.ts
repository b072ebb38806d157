/** Attacks as switches. Production code has no way in here: a cheat is a worker with another device or another mesh. */
import type { Mesh } from "@tabcast/mesh";
import {
  Get,
  GetReply,
  JobReply,
  openReceipt,
  PROTOCOLS,
  publicKeyOf,
  Verdict,
} from "@tabcast/protocol";
import { type Random, toHex } from "@tabcast/runtime";
import type { Scenario } from "../scenario.ts";
import { DEFECTS, type Defect, type Header, type Touch } from "./codec.ts";

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

/** A cheat's mesh: it serves other bytes than it promised, or none once it is paid, or sees nobody and so bids at once. */
export function meshOf(
  { kind, share, from }: Behaviour,
  mesh: Mesh,
  random: Random,
  cheated: () => void,
): Mesh {
  if (kind === "bid-storm") return { ...mesh, population: () => 0 };
  if (kind === "unserved") return miserly({ share, from }, mesh, random, cheated);
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

/** Gives nobody what it made once that is paid, for a share of its segments. */
function miserly(
  { share, from }: Pick<Behaviour, "share" | "from">,
  mesh: Mesh,
  random: Random,
  cheated: () => void,
): Mesh {
  const own = publicKeyOf(mesh.self) as Uint8Array;
  let done = 0;
  /** Hashes of what it made and was not paid for yet, by award and sequence; and those that it refuses. */
  const made = new Map<string, readonly string[]>();
  const refused = new Set<string>();
  const of = ({ award, seq }: { readonly award: Uint8Array; readonly seq: number }) =>
    `${toHex(award)}/${seq}`;
  type Handler = Parameters<Mesh["serve"]>[1];
  const job = (handler: Handler): Handler =>
    async function* (request, asker) {
      for await (const part of handler(request, asker)) {
        const { receipt } = JobReply.decode(part.head);
        if (receipt !== undefined) {
          const signed = await openReceipt(receipt, { from: own });
          const hashes = signed.renditions.map(({ mediaHash }) => toHex(mediaHash));
          made.set(of(signed), hashes);
        }
        yield part;
      }
    };
  const verdict = (handler: Handler): Handler =>
    async function* (request, asker) {
      const said = Verdict.decode(request.head);
      const hashes = made.get(of(said));
      made.delete(of(said));
      if (said.ok && hashes !== undefined && done++ >= from && random.fraction() < share) {
        cheated();
        for (const hash of hashes) refused.add(hash);
      }
      yield* handler(request, asker);
    };
  const get = (handler: Handler): Handler =>
    async function* (request, asker) {
      if (!refused.has(toHex(Get.decode(request.head).hash))) return yield* handler(request, asker);
      yield { head: GetReply.encode({ ok: false, why: "not held", size: 0 }), body: request.body };
    };
  const changed = new Map([
    [PROTOCOLS.job, job],
    [PROTOCOLS.verdict, verdict],
    [PROTOCOLS.get, get],
  ] as const);
  return {
    ...mesh,
    serve(protocol, handler, options) {
      const change = changed.get(protocol as typeof PROTOCOLS.get);
      mesh.serve(protocol, change?.(handler) ?? handler, options);
    },
  };
}

/** Bodies from this size on are renditions, in bytes. */
const SPOILT_FROM = 100;
const SPOILT_JOBS = 2;
