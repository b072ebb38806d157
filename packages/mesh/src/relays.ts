/**
 * Holds slots at `want` relays: which to dial, to ask and to leave. A relay that gives no slot in time, whose socket is dead, or that
 * passes nothing on, counts as down, and another takes its place.
 */
import type { Connection } from "@libp2p/interface";
import { type Clock, toError } from "@tabcast/runtime";
import { deadline } from "./dialler.ts";
import { leash } from "./leash.ts";
import type { PeerId } from "./mesh.ts";
import { race } from "./race.ts";
import { CHECK_EVERY } from "./rates.ts";
import type { Relays } from "./routes.ts";
import type { Slots } from "./slots.ts";
import { direct, type Node, type SuperviseOptions, shuffled } from "./supervise.ts";

/** Milliseconds after which a relay that gave no slot counts as down. */
export const NO_SLOT = 20_000;
/** Milliseconds a way through a relay that holds no slot for us stays open when nobody uses it. */
export const IDLE = 10_000;
/** Milliseconds a relay has to answer. Together with CHECK_EVERY a dead socket or a mute relay is noticed within 10 s. */
const CHECK_LIMIT = 5_000;
/** Milliseconds for one that is asked because the network may have changed. */
const CHANGE_LIMIT = 2_000;
/** Milliseconds from one time that all relays are dialled or asked anew to the next, however often the network comes and goes. */
const REDIAL_EVERY = 2_000;
/** Milliseconds after which a second probe is sent where the first has not come back; either will do. */
const PROBE_AGAIN = 2_500;
/** Probes in a check. */
const PROBES = 2;
/** A timer that fires later than this many milliseconds says that the tab itself stood still. */
const STOOD_STILL = 2_000;
/** Milliseconds a slot must have been held for earlier trouble with the relay to be forgotten. */
const TRUSTED_AFTER = 60_000;
/** Milliseconds between two requests for a slot at one relay. */
const ASK_EVERY = 5_000;
const PING = "/ipfs/ping/1.0.0";

/** One relay as it is now. Times are milliseconds of one clock. */
export interface RelayView {
  readonly id: PeerId;
  /** `waiting`: connected, without a slot. */
  readonly state: "down" | "dialling" | "waiting" | "held";
  /** Since when it is in that state. */
  readonly since: number;
  /** Not dialled, or asked for a slot, before then. */
  readonly due: number;
  /** Times in a row that it failed. */
  readonly trouble: number;
  /** Whether a dial of ours, or of a peer to us, goes through it now. */
  readonly used: boolean;
  /** Whether it holds a slot, and passes no calls on, or no gossip. */
  readonly mute: boolean;
}

export interface Plan {
  readonly dial: readonly PeerId[];
  readonly ask: readonly PeerId[];
  readonly leave: readonly PeerId[];
}

/**
 * What to do now, to hold slots at `want` relays. `relays` are in the order of preference. One that is mute keeps its slot until another
 * relay can have it: it may be this tab that is slow, and then a poor way is better than none.
 */
export function plan(
  relays: readonly RelayView[],
  { want, now }: { readonly want: number; readonly now: number },
): Plan {
  const slots = relays.filter(({ state }) => state === "held");
  const mute = slots.filter((relay) => relay.mute);
  const held = slots.length - mute.length;
  const waiting = relays.filter(({ state }) => state === "waiting");
  const hopeful = waiting.filter(({ since }) => now - since < NO_SLOT);
  const coming = relays.filter(({ state }) => state === "dialling").length + hopeful.length;
  const down = relays
    .filter(({ state, due }) => state === "down" && due <= now)
    .sort((a, b) => a.trouble - b.trouble);
  const enough = held >= want;
  const done = waiting.filter(({ used, since }) => !used && now - since >= IDLE);
  // One at a time: the relay that it makes room for may give no slot.
  const replaced = slots.length >= want && hopeful.length > 0 ? slots.length - want + 1 : 0;
  const leave = enough ? [...done, ...mute] : mute.slice(0, replaced);
  return {
    dial: down.slice(0, Math.max(0, want - held - coming)).map(({ id }) => id),
    ask: slots.length >= want ? [] : waiting.filter(({ due }) => due <= now).map(({ id }) => id),
    leave: leave.map(({ id }) => id),
  };
}

export interface SuperviseRelaysOptions extends SuperviseOptions {
  readonly relays: Relays;
  readonly slots: Slots;
  /** Slots to hold. */
  readonly want: number;
  /** Those of the relays that bring no gossip while others do. Default: none. */
  readonly quiet?: ((relays: readonly PeerId[]) => readonly PeerId[]) | undefined;
  /** Its "online" events say that the machine has a network again, "change" ones that it may have another. */
  readonly network?: Pick<EventTarget, "addEventListener"> | undefined;
  /** Called once such an event has proved true and a relay is back, or none is left: what else is connected needs a new way too. */
  moved?(): void;
}

type Course = { -readonly [Key in "state" | "since" | "due" | "trouble"]: RelayView[Key] };

/** Holds slots until the signal fires. */
export async function superviseSlots(node: Node, options: SuperviseRelaysOptions): Promise<void> {
  const { relays, slots, want, quiet, clock, random, signal } = options;
  const courses = new Map<PeerId, Course>();
  for (const id of shuffled(relays.ids, random))
    courses.set(id, { state: "down", since: clock.now(), due: 0, trouble: 0 });
  const dialling = new Set<PeerId>();
  let cut = new AbortController();
  const wake = () => cut.abort();

  const fail = (course: Course) => {
    const trusted = course.state === "held" && clock.now() - course.since >= TRUSTED_AFTER;
    course.trouble = trusted ? 1 : course.trouble + 1;
    const backoff = Math.min(500 * 2 ** (course.trouble - 1), 30_000);
    course.due = clock.now() + backoff * (0.5 + random.fraction());
  };
  const enter = (course: Course, state: RelayView["state"]) => {
    if (course.state === state) return;
    if (state === "down") fail(course);
    if (state === "waiting") course.due = clock.now();
    course.state = state;
    course.since = clock.now();
  };
  /** Brings the courses up to what is so now. */
  const look = () => {
    const open = openTo(node, relays);
    const held = new Set(slots.held());
    for (const [id, course] of courses) {
      if (open.has(id)) enter(course, held.has(id) ? "held" : "waiting");
      else enter(course, dialling.has(id) ? "dialling" : "down");
    }
    slots.setQuiet(quiet?.([...open.keys()].filter((id) => held.has(id))) ?? []);
    const mute = new Set([...slots.mute(), ...slots.quiet()]);
    return [...courses].map(
      ([id, course]): RelayView => ({
        id,
        ...course,
        used: isUsed(open.get(id)),
        mute: mute.has(id),
      }),
    );
  };
  const act = ({ dial, ask, leave }: Plan) => {
    for (const id of dial) {
      dialling.add(id);
      node
        .dial([...relays.addresses(id)], { signal })
        .catch(() => {})
        .finally(() => {
          dialling.delete(id);
          wake();
        });
    }
    for (const id of ask) {
      const course = courses.get(id) as Course;
      course.due = clock.now() + ASK_EVERY;
      slots.reserve(id).catch(() => {});
    }
    const open = openTo(node, relays);
    for (const id of leave)
      void open
        .get(id)
        ?.close()
        .catch(() => {});
  };
  watchNetwork(node, options, () => {
    for (const course of courses.values()) course.due = clock.now();
    wake();
  });
  node.addEventListener("connection:close", wake);
  node.addEventListener("connection:open", wake);
  slots.changed.add(wake, signal);
  void checks(node, options);
  try {
    while (!signal.aborted) {
      cut = new AbortController();
      act(plan(look(), { want, now: clock.now() }));
      look();
      await clock.sleep(1_000, { signal: AbortSignal.any([signal, cut.signal]) }).catch(() => {});
    }
  } finally {
    node.removeEventListener("connection:close", wake);
    node.removeEventListener("connection:open", wake);
  }
}

/** The connection to each relay that we are connected to. */
function openTo(node: Pick<Node, "getConnections">, relays: Relays): Map<PeerId, Connection> {
  const open = new Map<PeerId, Connection>();
  for (const connection of direct(node)) {
    const id = connection.remotePeer.toString();
    if (relays.has(id)) open.set(id, connection);
  }
  return open;
}

/** Has relays dialled anew when the machine's network is another, and calls `soon` so that those that are down are tried at once. */
function watchNetwork(node: Node, options: SuperviseRelaysOptions, soon: () => void): void {
  const { network, signal } = options;
  /** Relays that are asked, or dialled anew, because of an earlier event. */
  const busy = new Set<PeerId>();
  const changed = async (sure: boolean) => {
    soon();
    let told = false;
    const moved = () => {
      if (!told) options.moved?.();
      told = true;
    };
    await renewed(node, options, { sure, busy, moved });
    if (sure) moved();
  };
  const online = spaced(() => changed(true), options);
  const change = spaced(() => changed(false), options);
  network?.addEventListener("online", () => void online(), { signal });
  network?.addEventListener("change", () => void change(), { signal });
}

/** Acts at once, and once more for all that is asked within REDIAL_EVERY, when it is over. */
function spaced(
  act: () => Promise<void>,
  { clock, signal }: Pick<SuperviseRelaysOptions, "clock" | "signal">,
): () => Promise<void> {
  let [due, waits] = [Number.NEGATIVE_INFINITY, false];
  return async () => {
    if (waits) return;
    waits = due > clock.now();
    if (waits) await clock.sleep(due - clock.now(), { signal }).catch(() => {});
    waits = false;
    due = clock.now() + REDIAL_EVERY;
    if (!signal.aborted) await act();
  };
}

/**
 * Dials the relays that we are connected to anew, since a socket of the network before is dead without knowing it: all of them where
 * it is `sure` that the network is another, else those that do not answer within CHANGE_LIMIT. `moved` is called when one
 * is back, or has ended by itself, or there is none.
 */
async function renewed(
  node: Node,
  options: SuperviseRelaysOptions,
  { sure, busy, moved }: { readonly sure: boolean; readonly busy: Set<PeerId>; moved(): void },
): Promise<void> {
  const { relays, clock, signal } = options;
  const open = openTo(node, relays);
  // The browser itself ends sockets of a network that is gone.
  if (open.size === 0) moved();
  const renew = async (id: PeerId, connection: Connection) => {
    const asked = (over: AbortSignal) => echo(connection, options.random.bytes(32), over);
    if (!sure && (await within(CHANGE_LIMIT, asked, { clock, signal })) !== "silent") {
      if (connection.status !== "open") moved();
      return;
    }
    const limit = deadline(clock, CHECK_LIMIT, signal);
    const back = await node
      .dial([...relays.addresses(id)], { force: true, signal: limit.signal })
      .catch(toError)
      .finally(limit.release);
    connection.abort(new Error("the network has changed"));
    if (!(back instanceof Error)) moved();
  };
  await Promise.all(
    [...open].map(async ([id, connection]) => {
      // One look at a time; what is sure waits for none.
      if (sure) return renew(id, connection);
      if (busy.has(id)) return;
      busy.add(id);
      await renew(id, connection).finally(() => busy.delete(id));
    }),
  );
}

/** Whether a way to or from a peer runs over the connection. */
function isUsed(connection: Connection | undefined): boolean {
  return (connection?.streams ?? []).some(({ protocol }) =>
    protocol.startsWith("/libp2p/circuit/relay/"),
  );
}

/** Checks every relay that we are connected to, time and again. */
async function checks(node: Node, options: SuperviseRelaysOptions): Promise<void> {
  const { relays, slots, clock, signal } = options;
  const probing = new Set<PeerId>();
  while (!signal.aborted) {
    await clock.sleep(CHECK_EVERY, { signal }).catch(() => {});
    if (signal.aborted) return;
    const held = new Set(slots.held());
    for (const [id, connection] of openTo(node, relays)) {
      if (!held.has(id)) ping(connection, options);
      else if (!probing.has(id)) {
        probing.add(id);
        void probe(id, connection, options).finally(() => probing.delete(id));
      }
    }
  }
}

/**
 * Says whether a relay passes on what it should, by probes: one that comes back is enough. Ends the connection if the relay said nothing
 * at all, or that it holds no slot for this tab: a new one gets a new one.
 */
async function probe(
  id: PeerId,
  connection: Connection,
  { slots, clock, random, signal }: SuperviseRelaysOptions,
): Promise<void> {
  let left = PROBES;
  let alive = false;
  const send = async (over: AbortSignal) => {
    const heard = () => {
      alive = true;
    };
    // The way that was open may be what is broken.
    const fresh = left < PROBES - 1;
    const probed = await slots
      .probe(connection, { random, now: clock.now(), fresh, heard, signal: over })
      .catch(() => "refused" as const);
    if (probed === "came back") return;
    if (probed === "no slot")
      connection.abort(new Error("the relay holds no slot for us any more"));
    // A refusal may be over soon.
    await clock.sleep(PROBE_AGAIN, { signal: over });
    throw new Error(`the relay passed no probe on: ${probed}`);
  };
  const next = () => (left-- > 0 ? send : undefined);
  const act = (over: AbortSignal) =>
    race(next, { clock, stagger: PROBE_AGAIN, signal: over, spare: () => {} });
  const answer = await within(CHECK_LIMIT, act, { clock, signal });
  if (answer === undefined) slots.setMute(id, false);
  else if (answer === "late" || connection.status !== "open") return;
  else if (answer === "silent" && !alive)
    connection.abort(new Error(`the relay said nothing for ${CHECK_LIMIT} ms`));
  else slots.setMute(id, true);
}

/** Ends the connection to a relay that says nothing. Any answer will do, a refusal too. */
function ping(connection: Connection, { clock, random, signal }: SuperviseRelaysOptions): void {
  const act = (over: AbortSignal) => echo(connection, random.bytes(32), over);
  void within(CHECK_LIMIT, act, { clock, signal }).then((answer) => {
    if (answer === "silent")
      connection.abort(new Error(`the relay said nothing for ${CHECK_LIMIT} ms`));
  });
}

/**
 * What comes of a task within so many milliseconds: `failed` if it throws, `silent` if it does neither, `late` if our own timer was, so
 * that the tab stood still and not the other side, or the signal fired.
 */
async function within<T>(
  limit: number,
  act: (over: AbortSignal) => Promise<T>,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<T | "failed" | "silent" | "late"> {
  const began = clock.now();
  const over = new AbortController();
  const tied = leash(signal, over.signal);
  const silence = clock.sleep(limit, { signal: tied.signal }).then(
    () => (clock.now() - began > limit + STOOD_STILL ? "late" : "silent"),
    () => "late" as const,
  );
  const answer = act(tied.signal).catch(() => "failed" as const);
  try {
    return await Promise.race([answer, silence]);
  } finally {
    over.abort(new Error("the time is over"));
    tied.release();
  }
}

/** Sends bytes over libp2p's ping protocol. Resolves when something comes back, rejects when the stream ends first. */
async function echo(connection: Connection, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  // Another ping under way is no answer to this one.
  const stream = await connection.newStream(PING, { signal, maxOutboundStreams: 16 });
  const end = () => stream.abort(toError(signal.reason));
  try {
    await new Promise<void>((resolve, reject) => {
      stream.addEventListener("message", () => resolve(), { once: true });
      stream.addEventListener("close", () => reject(new Error("the ping was refused")), {
        once: true,
      });
      signal.addEventListener("abort", end, { once: true });
      if (signal.aborted) end();
      else stream.send(bytes);
    });
    await stream.close({ signal }).catch(end);
  } finally {
    signal.removeEventListener("abort", end);
  }
}
