import { type Crew, LIVE } from "@tabcast/market";
import { type Mesh, memory, memoryNetwork } from "@tabcast/mesh";
import { GetReply, PROTOCOLS, peerIdOf } from "@tabcast/protocol";
import { sha256, systemClock, toHex } from "@tabcast/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openBlobStore } from "../blob-store.ts";
import { serveBlobs } from "../exchange.ts";
import { openAvailabilityChecks } from "./availability-checks.ts";
import type { Outcome } from "./outcome.ts";

/** Everybody is asked, at once. */
const config = { ...LIVE, availabilityCheck: { newcomer: 1, later: 1, withinMs: 0, againMs: 0 } };
const media = Uint8Array.from({ length: 5_000 }, (_, i) => i);
const nothing = new Uint8Array(0);

let me: Mesh;
let worker: Mesh;
let done: AbortController;
let member: Crew.Member | undefined;
let blamed: string[];

beforeEach(() => {
  const network = memoryNetwork();
  done = new AbortController();
  const open = (id: number) => memory(network, { self: peerIdOf(new Uint8Array(32).fill(id)) });
  [me, worker] = [open(1), open(2)];
  member = { state: "hired", epoch: 1 } as Crew.Member;
  blamed = [];
});
afterEach(async () => {
  done.abort();
  await Promise.all([me.close(), worker.close()]);
});

/** Publishes a segment of the worker's, and resolves once no more is asked for it: `asks` times. */
async function published(asks: number, by = worker.self) {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  let left = asks;
  const mesh: Mesh = {
    ...me,
    async *request(...of) {
      try {
        yield* me.request(...of);
      } finally {
        if (--left === 0) resolve();
      }
    },
  };
  const context = { mesh, config, clock: systemClock, signal: done.signal };
  const checks = openAvailabilityChecks(context, {
    seed: new Uint8Array(32),
    member: () => member,
    newcomer: () => false,
    unserved: (who) => blamed.push(who),
  });
  const mediaHash = await sha256(media);
  checks.published({
    by,
    addrs: [],
    renditions: [{ rung: "240p", media, mediaHash }],
    pay: { terms: { epoch: 1, payee: "0x" } },
  } as unknown as Outcome);
  if (asks > 0) await over;
  // What was answered is judged after this task.
  await new Promise((later) => setTimeout(later));
  return checks.counts();
}

/** Answers each question as these say, the last one for ever. */
function serve(...answers: readonly ("gives" | "refuses" | "leaves")[]): void {
  let asked = 0;
  worker.serve(
    PROTOCOLS.get,
    async function* () {
      const answer = answers[Math.min(asked++, answers.length - 1)];
      if (answer === "leaves") member = undefined;
      if (answer === "leaves") throw new Error("gone");
      const ok = answer === "gives";
      const size = ok ? media.byteLength : 0;
      yield { head: GetReply.encode({ ok, why: ok ? "" : "not held", size }), body: nothing };
      if (ok) yield { head: nothing, body: media };
    },
    { signal: done.signal },
  );
}

test("a worker that serves what it made is asked once, and not blamed", async () => {
  const blobs = openBlobStore();
  blobs.put(toHex(await sha256(media)), media);
  serveBlobs(worker, blobs, done.signal);
  expect(await published(1)).toEqual({ asked: 1, unserved: 0, bytes: 5_000 });
  expect(blamed).toEqual([]);
});

test("a worker that refuses twice is blamed", async () => {
  serve("refuses");
  expect(await published(2)).toEqual({ asked: 2, unserved: 1, bytes: 0 });
  expect(blamed).toEqual([worker.self]);
});

test("a worker that was only busy is not blamed", async () => {
  serve("refuses", "gives");
  expect(await published(2)).toMatchObject({ asked: 2, unserved: 0 });
  expect(blamed).toEqual([]);
});

test("a worker that leaves between two refusals is not blamed, and one that has left is not asked", async () => {
  serve("refuses", "leaves");
  expect(await published(2)).toMatchObject({ asked: 2, unserved: 0 });
  expect(await published(0)).toMatchObject({ asked: 0 });
  expect(blamed).toEqual([]);
});

test("no worker is asked for what this tab made, or a worker inside it", async () => {
  expect(await published(0, "local" as typeof worker.self)).toMatchObject({ asked: 0 });
  expect(await published(0, me.self)).toMatchObject({ asked: 0 });
});
