import type { Connection } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import type { Multiaddr } from "@multiformats/multiaddr";
import { seededRandom } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { virtualClock } from "../testing/virtual-clock.ts";
import { listeners } from "./listeners.ts";
import { peerIdFromPublicKey } from "./peer-id.ts";
import { IDLE, NO_SLOT, plan, type RelayView, superviseSlots } from "./relays.ts";
import { configuredRelays, idOf } from "./routes.ts";
import type { Node } from "./supervise.ts";

const now = 100_000;
const view = (id: string, state: RelayView["state"], more: Partial<RelayView> = {}): RelayView => ({
  id,
  state,
  since: now,
  due: 0,
  trouble: 0,
  used: false,
  mute: false,
  ...more,
});
const want2 = { want: 2, now };
const nothing = { dial: [], ask: [], leave: [] };

test("as many relays are dialled as are wanted, and no more while some may still give a slot", () => {
  const down = ["a", "b", "c"].map((id) => view(id, "down"));
  expect(plan(down, want2).dial).toEqual(["a", "b"]);
  expect(plan([view("x", "held"), ...down], want2).dial).toEqual(["a"]);
  expect(plan([view("x", "dialling"), view("y", "waiting"), ...down], want2).dial).toEqual([]);
  expect(plan([view("x", "held"), view("y", "held"), ...down], want2)).toEqual(nothing);
});

test("a relay that gave no slot in its time counts as down: another is dialled, and it is asked on", () => {
  const silent = view("silent", "waiting", { since: now - NO_SLOT });
  expect(plan([view("x", "held"), silent, view("other", "down")], want2)).toEqual({
    dial: ["other"],
    ask: ["silent"],
    leave: [],
  });
});

test("a relay is not dialled or asked before its time, and one with less trouble comes first", () => {
  const relays = [
    view("often", "down", { trouble: 3 }),
    view("later", "down", { due: now + 1 }),
    view("once", "down", { trouble: 1 }),
    view("asked", "waiting", { due: now + 1, since: now - NO_SLOT }),
  ];
  expect(plan(relays, want2)).toEqual({ dial: ["once", "often"], ask: [], leave: [] });
});

test("a way through a relay that holds no slot for us is closed when nobody has used it for a while", () => {
  const held = [view("x", "held"), view("y", "held")];
  const foreign = (more: Partial<RelayView>) => view("foreign", "waiting", more);
  expect(plan([...held, foreign({ since: now - IDLE })], want2).leave).toEqual(["foreign"]);
  expect(plan([...held, foreign({ since: now - IDLE + 1 })], want2)).toEqual(nothing);
  expect(plan([...held, foreign({ since: now - IDLE, used: true })], want2)).toEqual(nothing);
  expect(plan([view("x", "held"), foreign({ since: now - IDLE })], want2).leave).toEqual([]);
});

test("a mute relay is replaced, and keeps its slot until another relay can have it", () => {
  const mute = view("mute", "held", { mute: true });
  const both = [view("x", "held"), mute];
  expect(plan(both, want2)).toEqual(nothing);
  expect(plan([...both, view("z", "down")], want2)).toEqual({ ...nothing, dial: ["z"] });
  expect(plan([...both, view("z", "dialling")], want2)).toEqual(nothing);
  expect(plan([...both, view("z", "waiting")], want2)).toEqual({ ...nothing, leave: ["mute"] });
  const hopeless = view("z", "waiting", { since: now - NO_SLOT });
  expect(plan([...both, hopeless], want2)).toEqual(nothing);
  expect(plan([view("x", "held"), view("z", "waiting")], want2)).toEqual({
    ...nothing,
    ask: ["z"],
  });
  expect(plan([...both, view("y", "held")], want2)).toEqual({ ...nothing, leave: ["mute"] });
  const all = [view("m", "held", { mute: true }), mute, view("z", "waiting")];
  expect(plan(all, want2)).toEqual({ ...nothing, leave: ["m"] });
});

test("of two mute relays one is left, and the other only when a slot has come in its place", () => {
  const [a, b] = ["a", "b"].map((id) => view(id, "held", { mute: true }));
  const others = ["c", "d"].map((id) => view(id, "waiting"));
  expect(plan([a, b, ...others] as RelayView[], want2)).toEqual({ ...nothing, leave: ["a"] });
  expect(plan([b, ...others] as RelayView[], want2)).toEqual({ ...nothing, ask: ["c", "d"] });
  const given = view("c", "held");
  expect(plan([b, given, view("d", "waiting")] as RelayView[], want2).leave).toEqual(["b"]);
});

const random = seededRandom(9, "relays");
const ids = Array.from({ length: 3 }, () => peerIdFromPublicKey(random.bytes(32)));
const relays = configuredRelays(
  ids.map((id, i) => `/ip4/127.0.0.1/tcp/${9001 + i}/ws/p2p/${id}`),
  { local: true },
);

const forever = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });

/** Relays that a test has be there or not, answer pings or not; the first to be dialled may give no slot. */
function field({ want = 2, down = [] as string[], stingy = false } = {}) {
  const { clock, pass } = virtualClock();
  const own = new AbortController();
  const network = new EventTarget();
  const events = new EventTarget();
  const changed = listeners<void>();
  const held = new Set<string>();
  const live = new Map<string, Connection>();
  const off = new Set(down);
  const dead = new Set<string>();
  const mute = new Set<string>();
  const silent = new Set<string>();
  let quiet: readonly string[] = [];
  const dials: string[] = [];
  const pings: string[] = [];
  const probes: string[] = [];
  const hanging = new Set<string>();
  const times = { moved: 0 };
  /** A connection ends, and with it the slot that was given over it. */
  const lose = (id: string, connection = live.get(id)) => {
    if (live.get(id) === connection) live.delete(id);
    held.delete(id);
    mute.delete(id);
    changed.tell();
    events.dispatchEvent(new Event("connection:close"));
  };
  const node = {
    async dial(addresses: Multiaddr[], { signal }: { signal: AbortSignal }) {
      const id = idOf(addresses[0] as Multiaddr);
      dials.push(id);
      if (hanging.has(id)) await forever(signal);
      if (off.has(id)) throw new Error("refused");
      const connection = {
        status: "open",
        remotePeer: peerIdFromString(id),
        streams: [],
        async newStream(_: string, { signal }: { signal: AbortSignal }) {
          pings.push(id);
          if (dead.has(id)) await forever(signal);
          throw new Error("a refusal is an answer");
        },
        abort: () => lose(id, connection),
        close: async () => lose(id, connection),
      } as unknown as Connection;
      live.set(id, connection);
    },
    getConnections: () => [...live.values()],
    addEventListener: events.addEventListener.bind(events),
    removeEventListener: events.removeEventListener.bind(events),
  } as unknown as Node;
  const running = superviseSlots(node, {
    relays,
    want,
    network,
    moved: () => void times.moved++,
    clock,
    random: seededRandom(1),
    signal: own.signal,
    slots: {
      changed,
      held: () => [...held],
      mute: () => [...mute],
      setMute(id, is) {
        if (is) mute.add(id);
        else mute.delete(id);
        changed.tell();
      },
      quiet: () => quiet,
      setQuiet(relays) {
        quiet = relays;
      },
      async probe({ remotePeer }, { heard, signal }) {
        const id = remotePeer.toString();
        probes.push(id);
        if (dead.has(id)) await forever(signal);
        heard();
        if (silent.has(id)) await forever(signal);
        return "came back";
      },
      async reserve(id) {
        if ((stingy && id === dials[0]) || held.size >= want) throw new Error("no slot");
        held.add(id);
        changed.tell();
      },
    },
  });
  const end = async () => {
    own.abort();
    await pass(1);
    await running;
  };
  return {
    pass,
    own,
    network,
    held,
    live,
    off,
    dead,
    mute,
    silent,
    dials,
    pings,
    probes,
    hanging,
    times,
    lose,
    end,
  };
}

test("a tab holds the wanted number of slots, and replaces one soon after it is lost", async () => {
  const { pass, held, live, lose, end } = field();
  await pass(100);
  expect(held.size).toBe(2);
  await pass(60_000);
  expect(live.size).toBe(2);
  lose([...held][0] ?? "");
  await pass(500);
  expect(held.size).toBe(2);
  await end();
});

test("a relay that gives no slot is replaced after 20 s", async () => {
  const { pass, held, dials, live, end } = field({ want: 1, stingy: true });
  await pass(NO_SLOT - 1);
  expect(dials).toHaveLength(1);
  expect(held.size).toBe(0);
  await pass(1_001);
  expect([...held]).toEqual([dials[1]]);
  await pass(IDLE);
  expect([...live.keys()]).toEqual([dials[1]]);
  await end();
});

test("a dead socket is noticed within 10 s and another relay used, whatever refusals a live one gives", async () => {
  const { pass, held, dead, end } = field({ want: 2 });
  await pass(12_000);
  const before = [...held];
  expect(before).toHaveLength(2);
  const [gone = ""] = before;
  dead.add(gone);
  await pass(10_000);
  expect(held.has(gone)).toBe(false);
  expect(held.size).toBe(2);
  await end();
});

test("a relay that passes nothing on is noticed within 10 s and another used, and one that does so once is not", async () => {
  const { pass, held, mute, silent, live, probes, end } = field({ want: 2 });
  await pass(12_000);
  const [one = "", other = ""] = [...held];
  silent.add(one);
  const sent = probes.length;
  while (probes.length < sent + 2) await pass(500);
  silent.delete(one);
  await pass(9_000);
  expect([...mute]).toEqual([]);
  silent.add(other);
  await pass(10_000);
  expect([...held]).toEqual([one, ids.find((id) => id !== one && id !== other)]);
  expect(live.has(other)).toBe(false);
  await end();
});

test("of two relays the mute one stays, is known as such, and counts again when it passes on", async () => {
  const [away = ""] = ids;
  const { pass, held, mute, silent, end } = field({ want: 2, down: [away] });
  await pass(60_000);
  const [one = ""] = [...held];
  silent.add(one);
  await pass(10_000);
  expect([...mute]).toEqual([one]);
  expect(held.size).toBe(2);
  silent.clear();
  await pass(4_500);
  expect([...mute]).toEqual([]);
  await end();
});

test("when the network may be another every relay is asked at once, and when it has come back dialled anew", async () => {
  const [down = "", ...others] = ids;
  const { pass, off, dials, pings, network, held, end } = field({ want: 3, down: [down] });
  await pass(300_000);
  expect(held.size).toBe(2);
  await pass(400);
  const [dialled, pinged] = [dials.length, pings.length];
  network.dispatchEvent(new Event("change"));
  await pass(50);
  expect(pings.slice(pinged).sort()).toEqual([...others].sort());
  off.clear();
  const tried = dials.length;
  expect(dials.slice(dialled).every((id) => id === down)).toBe(true);
  network.dispatchEvent(new Event("online"));
  await pass(50);
  expect(dials.slice(tried).sort()).toEqual([...ids].sort());
  expect(held.size).toBe(3);
  await end();
});

test("that the network is another is told once, as soon as one relay is back, and where none is left at once", async () => {
  const { pass, network, held, live, off, hanging, dead, times, lose, end } = field();
  await pass(100);
  const [one = "", other = ""] = held;
  hanging.add(one);
  network.dispatchEvent(new Event("online"));
  await pass(50);
  expect(times.moved).toBe(1);
  await pass(60_000);
  expect(times.moved).toBe(1);
  hanging.clear();
  await pass(60_000);
  network.dispatchEvent(new Event("change"));
  await pass(60_000);
  expect(times.moved).toBe(1);
  dead.add(other);
  network.dispatchEvent(new Event("change"));
  await pass(1_900);
  expect(times.moved).toBe(1);
  await pass(200);
  expect(times.moved).toBe(2);
  for (const id of live.keys()) {
    off.add(id);
    lose(id);
  }
  network.dispatchEvent(new Event("change"));
  await pass(50);
  expect(times.moved).toBe(3);
  await end();
});

test("a tab asks a dead relay ever less often, and nothing once it is closed", async () => {
  const { pass, dials, end } = field({ want: 3, down: ids });
  await pass(10_000);
  const early = dials.length;
  expect(early).toBeGreaterThanOrEqual(9);
  await pass(600_000);
  expect(dials.length - early).toBeLessThan(3 * 60);
  await end();
  const before = dials.length;
  await pass(600_000);
  expect(dials.length).toBe(before);
});

test("a network that comes and goes many times in a second has each relay dialled twice at most", async () => {
  const { pass, dials, network, held, end } = field({ want: 2 });
  await pass(12_000);
  const before = dials.length;
  for (let i = 0; i < 20; i++) {
    network.dispatchEvent(new Event("online"));
    await pass(10);
  }
  await pass(2_000);
  expect(held.size).toBe(2);
  expect(dials.length - before).toBeLessThanOrEqual(4);
  await end();
});

test("a network that may be another many times in a second makes a tab try relays that are down each two seconds", async () => {
  const { pass, dials, network, off, held, end } = field({ want: 3, down: ids });
  await pass(300_000);
  const before = dials.length;
  const changes = async (n: number) => {
    for (let i = 0; i < n; i++) {
      network.dispatchEvent(new Event("change"));
      await pass(50);
    }
  };
  await changes(100);
  expect((dials.length - before) / ids.length).toBeLessThanOrEqual(5_000 / 2_000 + 1);
  off.clear();
  await changes(1);
  await pass(2_000);
  expect(held.size, "what came within the two seconds is not lost").toBe(3);
  await end();
});

test("a network that may be another while one relay is still looked at has the others asked, and those that are down tried", async () => {
  const [, , third = ""] = ids;
  const { pass, network, held, dead, hanging, off, dials, pings, end } = field({
    want: 3,
    down: [third],
  });
  await pass(300_400);
  const [one = "", other = ""] = held;
  dead.add(one);
  hanging.add(one);
  network.dispatchEvent(new Event("change"));
  await pass(3_000);
  off.clear();
  const [dialled, pinged] = [dials.length, pings.length];
  network.dispatchEvent(new Event("change"));
  await pass(100);
  expect(dials.slice(dialled)).toContain(third);
  expect(pings.slice(pinged)).toEqual([other]);
  await end();
});
