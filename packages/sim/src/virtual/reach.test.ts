import { type Mesh, type PeerId, peerIdFromPublicKey, type Rank } from "@tabcast/mesh";
import { MAX_CONNECTIONS } from "@tabcast/mesh/parts";
import { OFFERS_TOPIC } from "@tabcast/protocol";
import { type Bytes, seededRandom } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { Net, type Node } from "./mesh.ts";
import { openReach } from "./reach.ts";
import { type Conduct, RelayNet } from "./relay.ts";
import { Timeline } from "./timeline.ts";

const SEED = Number(process.env.SEED ?? 1);
const NOTHING = { head: new Uint8Array(0), body: new Uint8Array(0) };
const never = new AbortController().signal;

interface Member {
  readonly node: Node;
  readonly mesh: Mesh;
  readonly self: PeerId;
}

/** A network with relays; `degree` 0: tabs look for no neighbours. */
function openNet(conducts: readonly Conduct[], { degree = 0, uplinkKbps = 10_000 } = {}) {
  const timeline = new Timeline();
  const rng = (name: string) => seededRandom(SEED, name);
  const net = new Net({
    timeline,
    random: rng("net"),
    scale: 1,
    loss: 0,
    lostAfterMs: 6_000,
    dialMs: 50,
    rules: new Map(),
  });
  const spec = { n: conducts.length, slots: 4_096, perAddress: 64 };
  const relays = new RelayNet({ net, spec, conducts, rng, signal: never });
  let count = 0;
  return {
    relays,
    enter(): Member {
      const n = count++;
      const random = rng(`tab/${n}`);
      const self = peerIdFromPublicKey(random.bytes(32));
      const node = net.join(self, { delayMs: 20, uplinkKbps, downlinkKbps: 100_000 });
      const host = `11.0.${n >> 8}.${n & 255}`;
      node.reach = openReach({ net, relays, node, host, random, degree });
      const mesh = net.mesh(node);
      mesh.serve("/echo", async function* (request) { yield request; }, { signal: never }); // biome-ignore format: one line
      return { node, mesh, self };
    },
    /** Lets time pass until something has happened, or so many milliseconds have passed. */
    until: <T>(done: Promise<T>, ms = 600_000): Promise<T> =>
      timeline.run(done, timeline.now + ms).then(() => done),
    pass: (ms: number) =>
      timeline.run(
        new Promise<void>((resolve) => timeline.after(ms, resolve)),
        timeline.now + 2 * ms,
      ),
    now: () => timeline.now,
  };
}

async function echo({ mesh }: Member, to: Member): Promise<void> {
  const options = { addrs: to.mesh.addrs(), signal: never };
  for await (const _ of mesh.request(to.self, "/echo", NOTHING, options));
}

test("a tab holds two slots, and is reached under addresses of the configuration only", async () => {
  const { enter, until, relays } = openNet(["honest", "honest", "honest"]);
  const [a, b] = [enter(), enter()];
  await until(Promise.all([a, b].map(({ mesh }) => mesh.reachable({ signal: never }))));
  await until(echo(a, b));
  expect(b.mesh.addrs().length).toBeGreaterThanOrEqual(1);
  for (const address of b.mesh.addrs()) expect(relays.configured.allows(address)).toBe(true);
  const elsewhere = {
    addrs: ["/dns4/evil.example.org/tcp/443/tls/ws/p2p/x", "rubbish"],
    signal: never,
  };
  const stranger = peerIdFromPublicKey(new Uint8Array(32).fill(9));
  const asked = a.mesh.request(stranger, "/echo", NOTHING, elsewhere)[Symbol.asyncIterator]();
  await expect(until(asked.next())).rejects.toMatchObject({ code: "MESH_UNREACHABLE" });
});

test("tabs find four neighbours in half a minute by asking relays, and count those that hear offers", async () => {
  const { enter, until, pass, relays } = openNet(["honest", "honest", "honest"], { degree: 8 });
  const tabs = Array.from({ length: 12 }, enter);
  await until(Promise.all(tabs.map(({ mesh }) => mesh.reachable({ signal: never }))));
  tabs[0]?.mesh.subscribe(OFFERS_TOPIC, () => {}, { signal: never });
  await pass(35_000);
  expect(relays.settled).toEqual({ tabs: 12, lonely: 0 });
  // Who has enough neighbours asks once a minute.
  await pass(65_000);
  expect(tabs[1]?.mesh.population(OFFERS_TOPIC)).toBe(1);
});

test("a tab keeps its places: idle strangers leave for newcomers, and a peer that is asked stays", async () => {
  const { enter, until, pass } = openNet(["honest"]);
  const tab = enter();
  const friend = enter();
  await until(tab.mesh.reachable({ signal: never }));
  await until(echo(friend, tab));
  for (let i = 0; i < 100; i++) {
    const idle = enter();
    await until(idle.mesh.reachable({ signal: never }));
    await until(
      Promise.resolve(idle.node.reach?.connect(tab.self, tab.mesh.addrs(), never)).catch(() => {}),
    );
  }
  const near = () => tab.mesh.neighbours().map(({ peer }) => peer);
  expect(near().length).toBeLessThanOrEqual(MAX_CONNECTIONS);
  expect(near()).toContain(friend.self);
  await pass(15_000);
  const newcomer = enter();
  await until(newcomer.mesh.reachable({ signal: never }));
  await until(echo(newcomer, tab));
  expect(near().length).toBeLessThanOrEqual(MAX_CONNECTIONS);
});

test("dials are eight at once, and a request overtakes a relay that hangs", async () => {
  const { enter, until, now } = openNet(["honest", "hangs", "honest"]);
  const tab = enter();
  const others = Array.from({ length: 24 }, enter);
  await until(Promise.all([tab, ...others].map(({ mesh }) => mesh.reachable({ signal: never }))));
  const began = now();
  const took = await until(
    Promise.all(others.map((one) => echo(tab, one).then(() => now() - began))),
  );
  // A dial takes 190 ms here and an answer 80.
  const first = took.filter((ms) => ms < 350).length;
  expect(first).toBeGreaterThan(0);
  expect(first).toBeLessThanOrEqual(8);
  expect(Math.max(...took)).toBeLessThan(5_000);
});

test("bodies of strangers have an eighth of the memory together, however many they are", async () => {
  const { enter, until } = openNet(["honest"], { uplinkKbps: 10_000_000 });
  const tab = enter();
  await until(tab.mesh.reachable({ signal: never }));
  let held = 0;
  const options = { signal: never, maxBody: (8 * 2 ** 20) as Bytes };
  tab.mesh.serve(
    "/keep",
    async function* (request, { signal }) {
      held += request.body.byteLength;
      yield NOTHING;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
    options,
  );
  const send = async (from: Member) => {
    const message = { head: new Uint8Array(1), body: new Uint8Array(2 * 2 ** 20) };
    const waits = { addrs: tab.mesh.addrs(), signal: never };
    for await (const _ of from.mesh.request(tab.self, "/keep", message, waits))
      return await new Promise(() => {});
  };
  const refused: unknown[] = [];
  for (let i = 0; i < 12; i++) void send(enter()).catch((error: unknown) => refused.push(error));
  await until(new Promise<void>((resolve) => void tab.node.tab.after(20_000, resolve)));
  expect(held).toBeLessThanOrEqual(12 * 2 ** 20);
  expect(held).toBeGreaterThan(0);
  expect(refused.length).toBeGreaterThanOrEqual(6);
  for (const error of refused) expect(error).toMatchObject({ code: "MESH_BUSY" });
});

test("an own job leaves before what thirty strangers asked for", async () => {
  const { enter, until, now } = openNet(["honest"]);
  const tab = enter();
  const worker = enter();
  const strangers = Array.from({ length: 30 }, enter);
  await until(
    Promise.all([tab, worker, ...strangers].map(({ mesh }) => mesh.reachable({ signal: never }))),
  );
  const large = { head: new Uint8Array(1), body: new Uint8Array(1_250_000) };
  const serves = (rank: Rank) => ({ signal: never, admit: () => ({ rank }) });
  tab.mesh.serve("/get", async function* () { yield large; }, serves("stranger")); // biome-ignore format: one line
  worker.mesh.serve("/job", async function* () { yield NOTHING; }, { signal: never, maxBody: 2e6 as Bytes }); // biome-ignore format: one line
  await until(echo(tab, worker));
  const greedy = async ({ mesh }: Member) => {
    for await (const _ of mesh.request(tab.self, "/get", NOTHING, {
      addrs: tab.mesh.addrs(),
      signal: never,
    }));
  };
  for (const one of strangers) void greedy(one);
  await until(new Promise<void>((resolve) => void tab.node.tab.after(3_000, resolve)));
  const began = now();
  const job = async () => {
    for await (const _ of tab.mesh.request(worker.self, "/job", large, { signal: never }));
  };
  await until(job());
  // A second at 10 Mbit/s; a share of a 31st would be half a minute.
  expect(now() - began).toBeLessThan(1_500);
});

test("a fresh tab finds four real neighbours in a minute, though three of ten relays lie", async () => {
  const lying = Array.from({ length: 10 }, (_, i): Conduct => (i < 3 ? "lies" : "honest"));
  const { enter, pass } = openNet(lying, { degree: 8 });
  for (let i = 0; i < 20; i++) enter();
  await pass(10_000);
  const fresh = enter();
  await pass(60_000);
  expect(fresh.node.reach?.neighbours().length).toBeGreaterThanOrEqual(4);
});
