/**
 * Holds slots at `want` relays: which to dial, to ask and to leave. A relay that gives no slot in time, or whose socket is
 * dead, counts as down, and another takes its place.
 */
import type { Connection } from "@libp2p/interface";
import { type Clock, type Random, toError } from "@tabcast/runtime";
import { leash } from "./leash.ts";
import type { PeerId } from "./mesh.ts";
import type { Relays } from "./routes.ts";
import type { Slots } from "./slots.ts";
import { direct, type Node, type SuperviseOptions, shuffled } from "./supervise.ts";

/** Milliseconds after which a relay that gave no slot counts as down. */
export const NO_SLOT = 20_000;
/** Milliseconds a way through a relay that holds no slot for us stays open when nobody uses it. */
export const IDLE = 10_000;
/** Milliseconds from one ping of a relay to the next. */
const PING_EVERY = 4_000;
/** Milliseconds a relay has to answer one. Together with PING_EVERY a dead socket is noticed within 10 s. */
const PING_LIMIT = 5_000;
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
}

export interface Plan {
  readonly dial: readonly PeerId[];
  readonly ask: readonly PeerId[];
  readonly leave: readonly PeerId[];
}

/** What to do now, to hold slots at `want` relays. `relays` are in the order of preference. */
export function plan(
  relays: readonly RelayView[],
  { want, now }: { readonly want: number; readonly now: number },
): Plan {
  const held = relays.filter(({ state }) => state === "held").length;
  const waiting = relays.filter(({ state }) => state === "waiting");
  const hopeful =
    relays.filter(({ state }) => state === "dialling").length +
    waiting.filter(({ since }) => now - since < NO_SLOT).length;
  const down = relays
    .filter(({ state, due }) => state === "down" && due <= now)
    .sort((a, b) => a.trouble - b.trouble);
  const enough = held >= want;
  return {
    dial: down.slice(0, Math.max(0, want - held - hopeful)).map(({ id }) => id),
    ask: enough ? [] : waiting.filter(({ due }) => due <= now).map(({ id }) => id),
    leave: enough
      ? waiting.filter(({ used, since }) => !used && now - since >= IDLE).map(({ id }) => id)
      : [],
  };
}

export interface SuperviseRelaysOptions extends SuperviseOptions {
  readonly relays: Relays;
  readonly slots: Slots;
  /** Slots to hold. */
  readonly want: number;
  /** Its "online" events say that the machine has a network again. */
  readonly network?: Pick<EventTarget, "addEventListener"> | undefined;
}

type Course = { -readonly [Key in "state" | "since" | "due" | "trouble"]: RelayView[Key] };

/** Holds slots until the signal fires. */
export async function superviseSlots(node: Node, options: SuperviseRelaysOptions): Promise<void> {
  const { relays, slots, want, clock, random, signal, network } = options;
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
    return [...courses].map(
      ([id, course]): RelayView => ({ id, ...course, used: isUsed(open.get(id)) }),
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
  network?.addEventListener(
    "online",
    () => {
      for (const course of courses.values()) course.due = clock.now();
      pingAll(node, options);
      wake();
    },
    { signal },
  );
  node.addEventListener("connection:close", wake);
  node.addEventListener("connection:open", wake);
  slots.changed.add(wake, signal);
  void pings(node, options);
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

/** Whether a way to or from a peer runs over the connection. */
function isUsed(connection: Connection | undefined): boolean {
  return (connection?.streams ?? []).some(({ protocol }) =>
    protocol.startsWith("/libp2p/circuit/relay/"),
  );
}

/** Pings every relay that we are connected to, and ends the connection to one that says nothing. */
async function pings(node: Node, options: SuperviseRelaysOptions): Promise<void> {
  const { clock, signal } = options;
  while (!signal.aborted) {
    await clock.sleep(PING_EVERY, { signal }).catch(() => {});
    if (!signal.aborted) pingAll(node, options);
  }
}

function pingAll(
  node: Pick<Node, "getConnections">,
  { relays, clock, random, signal }: SuperviseRelaysOptions,
): void {
  for (const connection of openTo(node, relays).values())
    void answers(connection, { clock, random, signal }).then((alive) => {
      if (!alive) connection.abort(new Error(`the relay said nothing for ${PING_LIMIT} ms`));
    });
}

/**
 * Whether the other side answers within PING_LIMIT. Any answer will do, a refusal too. If our own timer was late, the tab
 * stood still and not the relay: true, until the next ping.
 */
async function answers(
  connection: Connection,
  { clock, random, signal }: { clock: Clock; random: Random; signal: AbortSignal },
): Promise<boolean> {
  const began = clock.now();
  const over = new AbortController();
  const tied = leash(signal, over.signal);
  const silence = clock.sleep(PING_LIMIT, { signal: tied.signal }).then(
    () => clock.now() - began > PING_LIMIT + STOOD_STILL,
    () => true,
  );
  const answer = echo(connection, random.bytes(32), tied.signal).then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([answer, silence]);
  } finally {
    over.abort(new Error("the ping is over"));
    tied.release();
  }
}

/** Sends bytes over libp2p's ping protocol. Resolves when something comes back, rejects when the stream ends first. */
async function echo(connection: Connection, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  const stream = await connection.newStream(PING, { signal });
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
