import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { libp2p, type Mesh } from "@tabcast/mesh";
import { Announce, Envelope, Keys, LIVE_TOPIC, sealAnnounce } from "@tabcast/protocol";
import { secureRandom } from "@tabcast/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));
const HOUR = 3_600_000;
let dir: string;
const started: ChildProcess[] = [];
const tabs: Mesh[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "tabcast-relay-gossip-"));
});
afterEach(async () => {
  await Promise.all(tabs.splice(0).map((tab) => tab.close()));
  for (const child of started.splice(0)) child.kill("SIGKILL");
  await rm(dir, { recursive: true, force: true });
});

/** The relay as anybody starts it: its address. */
async function startRelay(): Promise<string> {
  const child = spawn(process.execPath, [main, "--port", "0", "--dir", dir, "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  started.push(child);
  for await (const line of createInterface(child.stdout as NodeJS.ReadableStream))
    return JSON.parse(line).addr as string;
  throw new Error("the relay said nothing");
}

/** A tab that knows the relay alone, and holds nothing against anybody: what reaches it has crossed the relay. */
async function enter(relay: string): Promise<Mesh> {
  const tab = await libp2p({
    seed: secureRandom.bytes(32),
    relays: [relay],
    iceServers: [],
    local: true,
    degree: 0,
  });
  tabs.push(tab);
  return tab;
}

const announce = async (
  broadcaster: string,
  title: string,
  { age = 0, keys = Keys.generate() } = {},
) => {
  const signer = await keys;
  return sealAnnounce(signer, {
    stream: signer.publicKey,
    broadcaster,
    addrs: [],
    title,
    codec: "avc",
    segmentMs: 2_000,
    rungs: [],
    source: { name: "source", width: 1_280, height: 720, bitrate: 3_000_000 },
    audio: false,
    startedMs: Date.now() - age,
    newest: 0,
    ended: false,
    atMs: Date.now() - age,
  });
};

test("what a peer says in another's name, or again after an hour, does not cross a relay", async () => {
  const relay = await startRelay();
  const [honest, forger, viewer] = [await enter(relay), await enter(relay), await enter(relay)];
  const { signal } = new AbortController();
  const heard: string[] = [];
  viewer.subscribe(
    LIVE_TOPIC,
    ({ body }) => heard.push(Announce.decode(Envelope.payloadOf(body)).title),
    { signal },
  );
  for (const tab of [honest, forger])
    await expect.poll(() => tab.subscribers(LIVE_TOPIC).length, { timeout: 20_000 }).toBe(1);
  // The relay hears of the viewer's wish a moment later than of the connection.
  const keys = Keys.generate();
  let said = 0;
  await expect
    .poll(
      async () => {
        await honest.publish(LIVE_TOPIC, await announce(honest.self, `${said++}`, { keys }));
        return heard.length;
      },
      // No oftener than a relay takes from one tab.
      { timeout: 20_000, interval: 500 },
    )
    .toBeGreaterThan(0);
  await forger.publish(LIVE_TOPIC, await announce(honest.self, "forged"));
  const recorded = await announce(honest.self, "an hour old", { age: HOUR });
  await honest.publish(LIVE_TOPIC, recorded);
  await honest.publish(LIVE_TOPIC, recorded);
  await forger.publish(LIVE_TOPIC, await announce(forger.self, "its own"));
  await honest.publish(LIVE_TOPIC, await announce(honest.self, "last", { keys }));
  await expect
    .poll(() => heard, { timeout: 10_000 })
    .toEqual(expect.arrayContaining(["its own", "last"]));
  expect(heard).not.toContain("forged");
  expect(heard).not.toContain("an hour old");
}, 60_000);
