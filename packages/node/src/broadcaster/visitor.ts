import type { Mesh, PeerId } from "@tabcast/mesh";
import { type Entry, type Holder, ManifestRequest, PROTOCOLS, type Track } from "@tabcast/protocol";
import { BoundedMap, type Bytes } from "@tabcast/runtime";
import type { Context } from "../context.ts";
import { ask } from "../exchange.ts";
import type { Fault } from "../fetcher.ts";
import type { Manifest } from "../manifest.ts";
import { LOOK_MS } from "../patience.ts";
import { openFollowing } from "../viewer/following.ts";
import { type Fragments, openFragments } from "../viewer/fragments.ts";
import type { StreamContext } from "./context.ts";

/** How long a holder may take until it is connected, and from then on to give all that is asked for, in milliseconds. */
const MOST_MS = 10_000;
/** How long one that is connected may bring nothing, in milliseconds: a viewer shows a segment for two. */
const SILENT_MS = 5_000;
/**
 * How long it waits for gossip to bring it an entry, in milliseconds: to ask before anybody can have heard of a segment would give it away.
 * Whoever keeps gossip from it gains no more than that.
 */
const HEAR_MS = 3_000;
/** What a visitor keeps for others, as viewers do, in bytes. */
const MOST_KEPT = (16 * 2 ** 20) as Bytes;

/** Segments whose holders failed and are remembered: more than are looked at together. */
const MOST_FAULTS = 32;

/** How a broadcast enters its network a second time: as nobody who was there before, until `signal` fires. Throws MeshError. */
export type Visit = (options: { readonly signal: AbortSignal }) => Promise<Mesh>;

/** What came of a look at a holder: all that was asked for, what failed, or nothing that can be said. */
export type Look = "served" | Fault | "gone";

/** Watches the broadcaster's own stream as a viewer does, under an identity that nobody knows for the broadcaster's. */
export interface Visitor {
  /** Asks a holder for a track of a segment and its sound. Rejects with the signal's reason. */
  look(of: { entry: Entry; track: string; holder: PeerId }): Promise<Look>;
  /** Who has visited until now is somebody else from the next look on. */
  leave(): void;
  /** Bytes that came. */
  bytes(): number;
}

type VisitorContext = Context & Pick<StreamContext, "config" | "stream" | "secrets">;

export interface VisitorOptions {
  /** Undefined: looks come from the broadcaster's own peer id. */
  readonly visit: Visit | undefined;
  /** Told why no other identity could be had, so that looks come from the broadcaster's own. */
  readonly failed: (error: unknown) => void;
}

/** One identity's stay. */
interface Guest {
  readonly context: Context;
  readonly fragments: Fragments;
  /** Resolves once it has heard of a segment, or should have. Rejects with the signal's reason. */
  heard(seq: number): Promise<void>;
  /** By sequence, how its holder failed. */
  readonly faults: ReadonlyMap<number, Fault>;
  /** When somebody else comes instead, in milliseconds of the clock. */
  readonly until: number;
  /** Runs a look, before whose end it does not end. */
  during<T>(look: () => Promise<T>): Promise<T>;
  /** Ends it once nothing is under way. */
  leave(): void;
}

export function openVisitor(context: VisitorContext, options: VisitorOptions): Visitor {
  const { clock } = context;
  let guest: Promise<Guest> | undefined;
  let bytes = 0;
  const fetched = (more: number) => {
    bytes += more;
  };

  async function present(): Promise<Guest> {
    const entered = guest ?? enter(context, { ...options, fetched });
    guest = entered;
    const one = await entered;
    if (one.until > clock.now()) return one;
    if (guest === entered) leave();
    return present();
  }

  function leave(): void {
    void guest?.then((one) => one.leave()).catch(() => {}); // it never came
    guest = undefined;
  }

  return {
    async look({ entry, track, holder }) {
      const one = await present();
      return one.during(async () => {
        await one.heard(entry.seq);
        return lookAt(one, held(entry, track, holder), holder);
      });
    },
    leave,
    bytes: () => bytes,
  };
}

/** Comes as somebody new. Rejects never but with the signal's reason. */
async function enter(
  context: VisitorContext,
  { visit, failed, fetched }: VisitorOptions & { readonly fetched: (bytes: number) => void },
): Promise<Guest> {
  const { config, clock, random, stream, secrets } = context;
  const keys = secrets && Promise.resolve(secrets);
  const own = new AbortController();
  const signal = AbortSignal.any([context.signal, own.signal]);
  const mesh = await visit?.({ signal }).catch((error: unknown) => {
    failed(error);
    return undefined;
  });
  const around: Context = { mesh: mesh ?? context.mesh, clock, random, signal };
  // A viewer follows the stream's topic, asks for its manifest and answers others; so does who visits.
  const following = mesh && openFollowing(around, { stream, keys, on: () => {} });
  const faults = new BoundedMap<number, Fault>(MOST_FAULTS);
  const fragments = openFragments(around, {
    on: (event) => {
      if (event.type === "fetched") fetched(event.bytes);
    },
    failed: ({ seq }, _, fault) => faults.set(seq, fault),
    most: MOST_KEPT,
    serves: mesh !== undefined,
  });
  const [least, most] = config.availabilityCheck.livesMs;
  let running = 0;
  let left = false;
  const end = () => {
    if (left && running === 0) own.abort();
  };
  return {
    context: around,
    fragments,
    async heard(seq) {
      if (following === undefined) return;
      const late = AbortSignal.any([signal, clock.timeout(HEAR_MS)]);
      const has = ({ entries }: Manifest) => entries.has(seq) || undefined;
      await following.until(has, { signal: late }).catch(() => signal.throwIfAborted());
    },
    faults,
    until: clock.now() + least + random.fraction() * (most - least),
    async during(look) {
      running++;
      try {
        return await look();
      } finally {
        running--;
        end();
      }
    },
    leave() {
      left = true;
      end();
    },
  };
}

const isConnected = (mesh: Mesh, peer: PeerId): boolean =>
  mesh.neighbours().some((neighbour) => neighbour.peer === peer);

/** Asks for what is due of one segment, its sound beside its pictures, each init segment first: as a player does. */
async function lookAt(
  { context, fragments, faults }: Guest,
  { entry, tracks }: { readonly entry: Entry; readonly tracks: readonly Track[] },
  holder: PeerId,
): Promise<Look> {
  const { mesh, signal } = context;
  const over = new AbortController();
  const time = timeOf(context, { holder, over: over.signal });
  const waits = { signal: AbortSignal.any([signal, time.signal]), heard: time.heard };
  try {
    await Promise.all(
      tracks.map(async (track) => {
        await fragments.get({ entry, track, what: "init" }, waits);
        await fragments.get({ entry, track, what: "media" }, waits);
      }),
    );
    return "served";
  } catch {
    signal.throwIfAborted();
    if (isConnected(mesh, holder))
      return time.signal.aborted ? "stalled" : (faults.get(entry.seq) ?? "refused");
    // Whoever reaches nobody says nothing of this one.
    return (await reaches(context, entry)) ? "unreachable" : "gone";
  } finally {
    over.abort();
  }
}

/** Whether others than relays can be reached from here: somebody is, or the broadcaster answers, who is there. */
async function reaches(
  { mesh, clock, signal }: Context,
  { stream, seq, broadcaster, holders }: Entry,
): Promise<boolean> {
  const relays = new Set(mesh.relays());
  if (mesh.self === broadcaster) return mesh.neighbours().length > 0;
  if (mesh.neighbours().some(({ peer }) => !relays.has(peer))) return true;
  const { addrs = [] } = holders.find(({ peer }) => peer === broadcaster) ?? {};
  const waits = { signal: AbortSignal.any([signal, clock.timeout(MOST_MS)]), addrs };
  const question = ManifestRequest.encode({ stream, from: seq, most: 1 });
  try {
    await ask(mesh, broadcaster, PROTOCOLS.manifest, question, waits);
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

/** What fires when a holder had its time, and is to be told when bytes of it come. */
function timeOf(
  { mesh, clock }: Pick<Context, "mesh" | "clock">,
  { holder, over }: { readonly holder: PeerId; readonly over: AbortSignal },
): { readonly signal: AbortSignal; readonly heard: () => void } {
  const out = new AbortController();
  let from = clock.now();
  let heardAt = from;
  let connected = isConnected(mesh, holder);
  const left = () =>
    Math.min(from + MOST_MS, connected ? heardAt + SILENT_MS : Number.POSITIVE_INFINITY) -
    clock.now();
  mesh.watch(
    (event) => {
      if (event.type !== "connected" || event.peer !== holder) return;
      connected = true;
      from = heardAt = clock.now();
    },
    { signal: over },
  );
  void (async () => {
    while (left() > 0) await clock.sleep(Math.min(left(), LOOK_MS), { signal: over });
    out.abort(new Error("the holder had its time"));
  })().catch(() => {}); // it was quicker
  return {
    signal: out.signal,
    heard() {
      heardAt = clock.now();
    },
  };
}

/** An entry whose only holder is this one, and its tracks that are to be asked for: whom else a viewer asks, a holder does not see. */
function held(
  entry: Entry,
  name: string,
  holder: PeerId,
): { readonly entry: Entry; readonly tracks: readonly Track[] } {
  const at = entry.holders.findIndex(({ peer }: Holder) => peer === holder);
  const tracks = entry.tracks
    .filter((track) => track.name === name || track.name === "audio")
    .filter((track) => !track.gap && track.holders.includes(at))
    .map((track) => ({ ...track, holders: [at] }));
  return { entry, tracks };
}
