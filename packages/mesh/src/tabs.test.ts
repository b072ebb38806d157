import { createHmac } from "node:crypto";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { call, openTabs, type Tabs, type Tools } from "../testing/tabs.ts";
import { openTurn } from "../testing/turn.ts";
import { plainWire } from "../testing/wire.ts";
import { createRelay, type Relay } from "./relay.ts";

const TOPICS = ["/tabcast/1/discovery"];
let tabs: Tabs;
let relay: Relay;
let pages: Page[] = [];

const startRelay = (listen: string) =>
  createRelay({
    directory: join(tabs.scratch, "relay"),
    listen: [listen],
    topics: TOPICS,
    wire: plainWire,
  });

type Ice = Parameters<Tools["join"]>[2];

async function enter(alone = false, ice: Ice = {}) {
  const page = await tabs.open();
  pages.push(page);
  const { peer, addrs } = await call(page, "join", [...relay.addrs], alone, ice);
  return { page, peer, addrs: [...addrs] };
}

beforeAll(async () => {
  tabs = await openTabs();
  relay = await startRelay("/ip4/127.0.0.1/tcp/0/ws");
});
afterAll(async () => {
  await relay?.close();
  await tabs?.close();
});
/** Begins to count the processor time of a page's process; called again, the seconds since. */
async function processorTime(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const now = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "ProcessTime")?.value ?? Number.NaN;
  };
  const began = await now();
  return async () => Math.round((await now()) * 100 - began * 100) / 100;
}

/** Ends the tabs of a test, so that those of the next meet nobody else. */
async function leave(): Promise<void> {
  for (const page of pages) await page.context().close();
  pages = [];
}

test("tabs find each other by asking their relay, and requests made at once share one dial", async () => {
  const [a, b] = [await enter(), await enter()];
  const began = performance.now();
  await Promise.all([call(a.page, "meets", b.peer), call(b.page, "meets", a.peer)]);
  console.log(`discovered in ${Math.round(performance.now() - began)} ms`);
  // The count below is of every dial a tab makes.
  await leave();
  // These look for nobody: only the requests can bring them together.
  const [c, d] = [await enter(true), await enter(true)];
  expect(await call(c.page, "rush", d.peer, d.addrs, 6)).toBe(1);
  await leave();
}, 120_000);

test("twenty newcomers who dial one tab at once all get in", async () => {
  const host = await enter(true);
  const page = await tabs.open();
  pages.push(page);
  await call(page, "gather", [...relay.addrs], 20);
  const [hostTime, crowdTime] = [await processorTime(host.page), await processorTime(page)];
  const took = await call(page, "storm", host.peer, host.addrs);
  const [hosts, crowds] = [await hostTime(), await crowdTime()];
  console.log(`20 newcomers got in after ${took.map(Math.round).join(", ")} ms`);
  console.log(`processor time: ${hosts} s of the tab they came to, ${crowds} s of all theirs`);
  expect(took.filter((ms) => ms < 0)).toEqual([]);
  // How long it takes is a figure of this machine: one page does the work of twenty, beside the relay and whatever else runs.
  expect(hosts).toBeLessThan(5);
  await leave();
}, 120_000);

test("a tab that closes is MESH_PEER_LOST at once, a crashed one before eight seconds", async () => {
  const [a, b, c] = [await enter(), await enter(), await enter()];
  await call(a.page, "hang", b.peer, b.addrs);
  let began = Date.now();
  await b.page.close({ runBeforeUnload: false });
  let { code, at } = await call(a.page, "hung");
  console.log(`closed tab noticed in ${at - began} ms`);
  expect(code).toBe("MESH_PEER_LOST");
  expect(at - began).toBeLessThan(2_000);

  await call(a.page, "hang", c.peer, c.addrs);
  began = Date.now();
  await Promise.all([
    c.page.waitForEvent("crash"),
    c.page.goto("chrome://crash").catch(() => undefined),
  ]);
  ({ code, at } = await call(a.page, "hung"));
  console.log(`crashed tab noticed in ${at - began} ms`);
  expect(code).toBe("MESH_PEER_LOST");
  expect(at - began).toBeLessThan(8_000);
  await leave();
}, 120_000);

test("after a relay restart tabs are reachable again, and a new one finds an old one", async () => {
  const a = await enter();
  const port = relay.addrs[0]?.split("/")[4];
  const id = relay.id;
  await relay.close();
  await call(a.page, "unreachable");
  relay = await startRelay(`/ip4/127.0.0.1/tcp/${port}/ws`);
  expect(relay.id).toBe(id);
  const began = performance.now();
  await call(a.page, "reachable");
  console.log(`reachable ${Math.round(performance.now() - began)} ms after the relay's return`);
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(await call(a.page, "addrs")).toEqual(a.addrs);
  expect(relay.stats()).toMatchObject({ peers: 1, reservations: 1 });
  const b = await enter();
  await call(b.page, "touch", a.peer, []);
  const c = await enter();
  await Promise.all([call(c.page, "meets", a.peer), call(a.page, "meets", c.peer)]);
  await leave();
}, 120_000);

/** What a TURN REST service would give somebody for the next minute. */
function credentials(secret: string) {
  const username = `${Math.floor(Date.now() / 1_000) + 60}:tab`;
  return { username, credential: createHmac("sha1", secret).update(username).digest("base64") };
}

/** Kinds of the candidates in what a tab was told: `host`, `srflx`, `relay`. */
const kinds = (told: readonly string[]) => [
  ...new Set(told.flatMap((line) => /candidate:.* typ (\w+)/.exec(line)?.[1] ?? [])),
];

test("a tab that connects through TURN alone tells others no address but the TURN server's, dialling or dialled", async () => {
  const secret = "known to both servers";
  const turn = await openTurn({ secret });
  const iceServers = [{ urls: turn.url, ...credentials(secret) }];
  const shy = await enter(true, { iceServers, relayOnly: true });
  const [open, other] = [await enter(true, { iceServers }), await enter(true)];
  await call(open.page, "touch", shy.peer, shy.addrs);
  await call(shy.page, "touch", other.peer, other.addrs);
  // A connection may stand before the other side was told where: the checks that came had said it.
  const told = [...(await call(open.page, "told")), ...(await call(other.page, "told"))];
  expect(kinds(told)).toEqual(["relay"]);
  // Not even what a candidate was made from, nor where the session is said to be.
  expect(told.filter((line) => / raddr (?!0\.0\.0\.0 )/.test(line))).toEqual([]);
  expect(told.filter((line) => /^c=/.test(line) && line !== "c=IN IP4 0.0.0.0")).toEqual([]);
  // The count is of something: who does not hide tells its own.
  expect(kinds(await call(shy.page, "told"))).toContain("host");
  expect(turn.users().length).toBeGreaterThan(0);
  expect(turn.refused()).toBe(0);
  await leave();
  await turn.close();
}, 120_000);

test("a tab that connects through TURN alone does not enter a network without TURN", async () => {
  const page = await tabs.open();
  pages.push(page);
  const options = { iceServers: [{ urls: "stun:127.0.0.1:1" }], relayOnly: true };
  await expect(call(page, "join", [...relay.addrs], true, options)).rejects.toThrow("TURN");
  await leave();
}, 120_000);

/** How often a tab was told of a way to another: each has a name of its own. */
const waysTold = (told: readonly string[]) =>
  new Set(told.filter((line) => line.startsWith("a=ice-ufrag:"))).size;

/** One tab loses its way to another while an answer of twelve seconds is under way, since the network of `mover` is another. */
async function loseWay(mover: "asker" | "answerer"): Promise<void> {
  const secret = "known to both servers";
  const turn = await openTurn({ secret });
  const ice = { iceServers: [{ urls: turn.url, ...credentials(secret) }], relayOnly: true };
  const [asker, answerer] = [await enter(true, ice), await enter(true, ice)];
  await call(asker.page, "drip", answerer.peer, answerer.addrs);
  turn.forget();
  await call({ asker, answerer }[mover].page, "online");
  expect(await call(asker.page, "dripped")).toBe(60);
  // By a new way of the same connection, and the other tab took it.
  for (const { page } of [asker, answerer]) expect(waysTold(await call(page, "told"))).toBe(2);
  // Its relay has one connection of it, the new one, and still knows it.
  expect(relay.stats()).toMatchObject({ peers: 2, reservations: 2 });
  await call(answerer.page, "touch", asker.peer, asker.addrs);
  await leave();
  await turn.close();
}

test("a tab whose way to another was lost with its network gets a new one, and what was under way comes whole", async () => {
  await loseWay("asker");
}, 120_000);

test("a tab that another has dialled gets a new way to it as well, and what it was sending comes whole", async () => {
  await loseWay("answerer");
}, 120_000);
