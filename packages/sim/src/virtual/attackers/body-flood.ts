import type { PeerId } from "@tabcast/mesh";
import { Job, MAX_JOB_MEDIA, OFFERS_TOPIC, PROTOCOLS } from "@tabcast/protocol";
import type { Random } from "@tabcast/runtime";
import type { Peer, World } from "../world.ts";
import { type Attacker, every, type Hostile, openAll, pick } from "./attacker.ts";

/** Jobs of one peer that are on their way at once. */
const AT_ONCE = 2;
/** What a rented server has, in kbit/s: with a tab's uplink hardly one would arrive. */
const UPLINK_KBPS = 100_000;

/** The head of a job of an award that was never made, for a body as large as a job may have. */
function headOf(random: Random, initLen: number, mediaLen: number): Uint8Array {
  return Job.encode({
    award: random.bytes(16),
    epoch: 1,
    seq: random.below(1_000),
    attempt: 1,
    rungs: [{ name: "240p", width: 426, height: 240, bitrate: 400_000 }],
    initLen,
    mediaLen,
    initHash: random.bytes(32),
    mediaHash: random.bytes(32),
    frames: 60,
    startUs: 0,
    durationUs: 2_000_000,
    deadlineMs: 4_000,
    codec: "avc",
    checkPpm: 100_000,
    open: false,
  });
}

/** Sends one after the other, to workers it knows by their gossip. */
function flood(world: World, { mesh, name, node }: Peer, did: Hostile["did"]): void {
  const { scenario, signal } = world;
  const random = world.rng(`bodies/${name}`);
  const initLen = 1_024;
  const body = random.bytes(Math.floor(MAX_JOB_MEDIA / scenario.scale));
  let under = 0;
  const send = async (peer: PeerId) => {
    under++;
    did("jobs nobody awarded");
    try {
      const until = AbortSignal.any([signal, node.tab.clock.timeout(60_000)]);
      const head = headOf(random, initLen, body.byteLength - initLen);
      for await (const _ of mesh.request(peer, PROTOCOLS.job, { head, body }, { signal: until }));
      did("of them refused when they had come");
    } finally {
      under--;
    }
  };
  every(world, { ms: 250, random }, async () => {
    const worker = pick(mesh.subscribers(OFFERS_TOPIC), random);
    if (worker !== undefined && under < AT_ONCE) await send(worker);
  });
}

export const bodyFlood: Attacker = {
  what: "sends workers that did not ask jobs with 8 MiB of bytes each, two at a time, at 100 Mbit/s",
  aims: "workers' memory and downlinks",
  bound: "a job is judged by its head and sender, and its body is not read",
  async start(world, hostile) {
    for (const peer of await openAll(world, hostile, { uplinkKbps: UPLINK_KBPS }))
      flood(world, peer, hostile.did);
  },
};
