import {
  type Bytes,
  type Clock,
  concatBytes,
  type Millis,
  seededRandom,
  systemClock,
} from "@tabcast/runtime";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MOST_REQUESTS, openBudget } from "./budget.ts";
import { MeshError } from "./error.ts";
import { frameReader, messagePrefix, Signal, signalFrame } from "./frame.ts";
import type { Admit, Handler, Message } from "./mesh.ts";
import { answer, answerer, ask, type Duplex, WINDOW } from "./rpc.ts";
import { openTurns } from "./turns.ts";

const none = new Uint8Array(0);
const peer = "12D3KooWtest";
const never = new AbortController().signal;

/** A stream whose other end is the test: what was written, and the means to say anything. */
function wire() {
  const written: Uint8Array[] = [];
  let on: [(bytes: Uint8Array) => void, (error?: Error) => void] | undefined;
  const aborted = Promise.withResolvers<Error>();
  const closed = Promise.withResolvers<void>();
  const duplex: Duplex = {
    listen: (onBytes, onEnd) => {
      on = [onBytes, onEnd];
    },
    async write(bytes, { signal }) {
      signal.throwIfAborted();
      written.push(bytes.slice());
    },
    left: async () => {},
    poke: (bytes) => void written.push(bytes.slice()),
    async close() {
      closed.resolve();
    },
    abort: (error) => aborted.resolve(error),
  };
  return {
    duplex,
    written,
    aborted: aborted.promise,
    closed: closed.promise,
    say: (...parts: Uint8Array[]) => on?.[0](concatBytes(...parts)),
    end: (error?: Error) => on?.[1](error),
  };
}

const frame = (message: Message) => concatBytes(messagePrefix(message), message.body);
const lengths = (head: number, body: number) => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, head);
  new DataView(bytes.buffer).setUint32(4, body);
  return bytes;
};
const code = (expected: string) => expect.objectContaining({ code: expected });

function asking(maxBody = 1000) {
  const line = wire();
  const parts = ask(
    line.duplex,
    { head: none, body: none },
    {
      peer,
      protocol: "/test",
      maxBody,
      turns: openTurns({ clock: systemClock }),
      signal: never,
    },
  );
  return { ...line, parts };
}

/** A clock that stands until it is moved. */
function virtual() {
  let now = 0;
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();
  const clock: Clock = {
    ...systemClock,
    now: () => now as Millis,
    sleep: (ms, { signal } = {}) =>
      new Promise((resolve, reject) => {
        const one = { at: now + ms, wake: resolve };
        sleepers.add(one);
        signal?.addEventListener("abort", () => {
          sleepers.delete(one);
          reject(signal.reason);
        });
      }),
  };
  return {
    clock,
    async pass(ms: number) {
      await new Promise(setImmediate); // what is under way comes to rest first
      now += ms;
      for (const one of [...sleepers]) if (one.at <= now && sleepers.delete(one)) one.wake();
      await new Promise(setImmediate);
    },
  };
}

function answering(
  handler: Handler,
  maxBody = 1000,
  maxFollowing = 0,
  admit: Admit = () => ({ rank: "stranger" }),
  budget = openBudget(),
  clock: Clock = systemClock,
) {
  const line = wire();
  const finished = answer(line.duplex, handler, {
    peer,
    admit,
    budget,
    turns: openTurns({ clock }),
    maxBody,
    maxFollowing,
    timeout: 60_000,
    clock,
    signal: never,
  });
  return { ...line, finished };
}

/** Answers when it is told to. */
function waiting() {
  const go = Promise.withResolvers<void>();
  const handler: Handler = async function* () {
    await go.promise;
    yield { head: none, body: none };
  };
  return { handler, go: () => go.resolve() };
}

const unreachable: Handler = () => expect.unreachable("the handler was called");

test("messages cut anywhere come out whole and in order", async () => {
  const random = seededRandom(3, "frames");
  const message = fc.record({
    head: fc.uint8Array({ maxLength: 40 }),
    body: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(random.bytes(3_000_000))),
  });
  await fc.assert(
    fc.property(
      fc.array(message, { maxLength: 4 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 1_200_000 })),
      (sent, cuts) => {
        const got: Message[] = [];
        const signals: number[] = [];
        const read = frameReader(() => 3_000_000, {
          announced: () => {},
          message: (one) => got.push(one),
          signal: (one) => signals.push(one),
        });
        const bytes = concatBytes(...sent.map(frame), signalFrame(Signal.end));
        for (let at = 0; at < bytes.byteLength; ) {
          const cut = cuts.next().value ?? 1;
          read(bytes.subarray(at, at + cut));
          at += cut;
        }
        expect(got.length).toBe(sent.length);
        for (const [i, one] of sent.entries()) {
          expect(Buffer.compare(got[i]?.head ?? none, one.head)).toBe(0);
          expect(Buffer.compare(got[i]?.body ?? none, one.body)).toBe(0);
        }
        expect(signals).toEqual([Signal.end]);
      },
    ),
    { seed: 3, numRuns: 60 },
  );
});

test("any bytes are frames or an error of the mesh, never a crash", async () => {
  await fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (chunks) => {
      const read = frameReader(() => 100, {
        announced: () => {},
        message: () => {},
        signal: () => {},
      });
      try {
        for (const chunk of chunks) read(chunk);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(MeshError);
      }
    }),
    { seed: 4, numRuns: 500 },
  );
});

test("a peer that announces 4 GiB costs nothing", () => {
  const read = frameReader(() => 2 ** 31, {
    announced: () => {},
    message: () => expect.unreachable(),
    signal: () => {},
  });
  const before = process.memoryUsage().arrayBuffers;
  read(lengths(10, 2 ** 31));
  read(new Uint8Array(100));
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 1024 * 1024);
});

test.each([
  ["head", lengths(65_537, 0)],
  ["body", lengths(0, 1001)],
])("an announced %s over the limit is refused at once, by both sides", async (what, bytes) => {
  const { parts, say, aborted } = asking();
  const first = parts.next();
  say(bytes);
  await expect(first).rejects.toMatchObject({ code: "MESH_TOO_LARGE", reason: { what } });
  expect(await aborted).toEqual(code("MESH_TOO_LARGE"));

  const server = answering(unreachable);
  server.say(bytes);
  await server.finished;
  expect(server.written).toEqual([signalFrame(Signal.tooLarge)]);
  expect(await server.aborted).toEqual(code("MESH_TOO_LARGE"));
});

test("an answerer that runs ahead of its window is cut off", async () => {
  const { parts, say, aborted } = asking(WINDOW);
  const first = parts.next();
  const part = { head: none, body: new Uint8Array(1_000_000) };
  say(frame(part));
  await first;
  for (let i = 0; i < 5; i++) say(frame(part));
  expect(await aborted).toEqual(code("MESH_BAD_FRAME"));
  // Empty parts are not free either.
  const flood = asking();
  void flood.parts.next();
  flood.say(frame({ head: none, body: none }));
  for (let i = 0; i < 5000; i++) flood.say(frame({ head: none, body: none }));
  expect(await flood.aborted).toEqual(code("MESH_BAD_FRAME"));
});

test("an answerer waits at its window for the asker", async () => {
  let made = 0;
  const { say, written, finished } = answering(async function* () {
    for (; made < 9; made++) yield { head: none, body: new Uint8Array(2_000_000) };
  });
  say(frame({ head: none, body: none }));
  await expect.poll(() => made).toBe(2);
  await new Promise((resolve) => setImmediate(resolve));
  expect(made).toBe(2);
  for (let i = 0; i < 9; i++) {
    await expect.poll(() => made).toBe(Math.min(9, i + 2));
    say(signalFrame(Signal.next));
  }
  await (await finished)();
  expect(written.at(-1)).toEqual(signalFrame(Signal.end));
});

test("a stream that ends before the answer is complete is a lost peer, after the parts that came", async () => {
  const { parts, say, end } = asking();
  const first = parts.next();
  say(frame({ head: Uint8Array.of(1), body: none }), frame({ head: Uint8Array.of(2), body: none }));
  end();
  expect((await first).value?.head).toEqual(Uint8Array.of(1));
  expect((await parts.next()).value?.head).toEqual(Uint8Array.of(2));
  await expect(parts.next()).rejects.toEqual(code("MESH_PEER_LOST"));
});

test.each([
  [Signal.tooLarge, "MESH_TOO_LARGE"],
  [Signal.busy, "MESH_BUSY"],
  [Signal.failed, "MESH_REFUSED"],
  [Signal.next, "MESH_BAD_FRAME"],
  [77, "MESH_BAD_FRAME"],
])("signal %i from an answerer is %s", async (signal, expected) => {
  const { parts, say, end } = asking();
  const first = parts.next();
  say(signalFrame(signal));
  end(new Error("reset"));
  await expect(first).rejects.toEqual(code(expected));
});

test("a body that follows a request is bounded: by its sum, by the window, and by its end", async () => {
  const idle: Handler = async function* (_, { signal }) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    yield { head: none, body: none };
  };
  const part = (size: number) => frame({ head: none, body: new Uint8Array(size) });
  const large = answering(idle, 0, 10_000);
  large.say(part(0), part(4_000), part(4_000));
  expect(await large.aborted).toEqual(code("MESH_TOO_LARGE"));
  // Empty parts are not free.
  const many = answering(idle, 0, 10_000);
  many.say(part(0), ...Array.from({ length: 10 }, () => part(0)));
  expect(await many.aborted).toEqual(code("MESH_TOO_LARGE"));
  const ahead = answering(idle, 0, 100e6);
  ahead.say(part(0), ...Array.from({ length: 5 }, () => part(1e6)));
  expect(await ahead.aborted).toEqual(code("MESH_BAD_FRAME"));
  const more = answering(idle, 0, 10_000);
  more.say(part(0), part(1), signalFrame(Signal.end), part(1));
  expect(await more.aborted).toEqual(code("MESH_BAD_FRAME"));
});

test("a stream that ends in the middle of a body is a lost peer, not a short body", async () => {
  const got: number[] = [];
  const lost = Promise.withResolvers<unknown>();
  const { say, end, finished } = answering(
    async function* (_, { following }) {
      try {
        for await (const { body } of following) got.push(body.byteLength);
      } catch (thrown) {
        lost.resolve(thrown);
      }
      yield { head: none, body: none };
    },
    0,
    10_000,
  );
  say(frame({ head: none, body: none }), frame({ head: none, body: new Uint8Array(7) }));
  await expect.poll(() => got).toEqual([7]);
  end();
  expect(await lost.promise).toEqual(code("MESH_PEER_LOST"));
  await finished;
});

test.each([
  ["a second request", frame({ head: none, body: none })],
  ["next before anything was sent", signalFrame(Signal.next)],
  ["an unknown signal", signalFrame(9)],
])("%s from an asker stops its handler", async (_, bytes) => {
  const started = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  const { say, aborted, finished } = answering(async function* (_, { signal }) {
    started.resolve();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    stopped.resolve();
    yield { head: none, body: none };
  });
  say(frame({ head: none, body: none }));
  await started.promise;
  say(bytes);
  expect(await aborted).toEqual(code("MESH_BAD_FRAME"));
  await stopped.promise;
  await finished;
});

test("a request that is not due is answered by its head alone: no body is kept, nor waited for", async () => {
  const refusal = { head: Uint8Array.of(7), body: none };
  const budget = openBudget();
  const server = answering(unreachable, 100e6, 0, () => ({ refusal }), budget);
  server.say(lengths(3, 90e6), new Uint8Array(3), new Uint8Array(1e6));
  await (await server.finished)();
  expect(server.written).toEqual([frame(refusal), signalFrame(Signal.end)]);
  server.say(new Uint8Array(1e6)); // what still comes is nothing
  expect(budget.used().stranger).toBe(0);
});

test("a head that cannot be judged ends its request", async () => {
  const server = answering(unreachable, 1000, 0, () => {
    throw new Error("no such message");
  });
  server.say(frame({ head: Uint8Array.of(1), body: none }));
  await server.finished;
  expect(server.written).toEqual([signalFrame(Signal.failed)]);
});

test("bodies of strangers share one small part of a tab's memory, and leave room for others", async () => {
  const budget = openBudget();
  const { handler, go } = waiting();
  const open = (rank: "stranger" | "crew", size: number) => {
    const server = answering(handler, 100e6, 0, () => ({ rank }), budget);
    server.say(lengths(1, size), Uint8Array.of(1));
    return server;
  };
  const strangers = Array.from({ length: 64 }, () => open("stranger", 8e6));
  const refused = await Promise.race([
    Promise.all(strangers.slice(1).map(({ aborted }) => aborted)),
    strangers[0]?.aborted,
  ]);
  expect(refused).toEqual(Array.from({ length: 63 }, () => code("MESH_BUSY")));
  expect(budget.used().stranger).toBe(8e6);
  const ours = open("crew", 1000);
  ours.say(new Uint8Array(1000));
  go();
  await (await ours.finished)();
  expect(ours.written.at(-1)).toEqual(signalFrame(Signal.end));
  strangers[0]?.end(); // what was kept for one that is gone is free
  await strangers[0]?.finished;
  expect(budget.used()).toMatchObject({ stranger: 0, crew: 0 });
});

test("requests that are opened and say nothing keep nobody out: the oldest of them is reset", async () => {
  const hello = { head: Uint8Array.of(1), body: none };
  const accept = answerer(
    async function* () {
      yield hello;
    },
    {
      clock: systemClock,
      budget: openBudget(),
      turns: openTurns({ clock: systemClock }),
      signal: never,
    },
  );
  const silent = Array.from({ length: MOST_REQUESTS }, (_, n) => {
    const line = wire();
    accept(`silent ${n >> 2}`, line.duplex);
    return line;
  });
  const honest = wire();
  accept("honest", honest.duplex);
  expect(await silent[0]?.aborted).toMatchObject({ reason: code("MESH_BUSY") });
  honest.say(frame(hello));
  await honest.closed;
  expect(concatBytes(...honest.written)).toEqual(
    concatBytes(frame(hello), signalFrame(Signal.end)),
  );
});

test("what may follow a request is kept room for, as far as it is due", async () => {
  const budget = openBudget();
  const { handler, go } = waiting();
  const due: Admit = () => ({ rank: "crew", maxFollowing: 5_000 as Bytes });
  const server = answering(handler, 1000, 10_000, due, budget);
  server.say(frame({ head: none, body: new Uint8Array(10) }));
  expect(budget.used().crew).toBe(5_010);
  server.say(frame({ head: none, body: new Uint8Array(4_500) }));
  go();
  expect(await server.aborted).toEqual(code("MESH_TOO_LARGE"));
  await server.finished;
  expect(budget.used().crew).toBe(0);
});

describe("a request whose asker does not bring it on", () => {
  const slowly = (handler: Handler, maxBody = 1000) => {
    const { clock, pass } = virtual();
    const budget = openBudget();
    const due: Admit = () => ({ rank: "crew" });
    return { ...answering(handler, maxBody, 0, due, budget, clock), pass, budget };
  };

  test.each([
    ["says nothing", []],
    ["sends half of a head", [lengths(100, 0), new Uint8Array(50)]],
    ["announces a body and does not send it", [lengths(0, 5e6)]],
  ])("ends within twenty seconds where it %s", async (_, bytes) => {
    const { say, pass, aborted, finished, budget } = slowly(unreachable, 5e6);
    say(...bytes);
    await pass(10_000);
    await pass(10_000);
    expect(await aborted).toEqual(code("MESH_TIMEOUT"));
    await finished;
    expect(budget.used().crew).toBe(0);
  });

  test("ends where a body trickles, and not where it comes at a modem's pace", async () => {
    const trickle = slowly(unreachable, 5e6);
    trickle.say(lengths(0, 5e6));
    for (let i = 0; i < 20; i++) {
      trickle.say(new Uint8Array(100));
      await trickle.pass(1_000);
    }
    expect(await trickle.aborted).toEqual(code("MESH_TIMEOUT"));
    const got: number[] = [];
    const modem = slowly(async function* ({ body }) {
      got.push(body.byteLength);
      yield { head: none, body: none };
    }, 100_000);
    modem.say(lengths(0, 100_000));
    for (let i = 0; i < 40; i++) {
      modem.say(new Uint8Array(2_500));
      await modem.pass(1_000);
    }
    await modem.finished;
    expect(got).toEqual([100_000]);
  });

  test("ends where it takes nothing of the answer, and its slot is free", async () => {
    let left = false;
    const { say, pass, aborted, finished } = slowly(async function* () {
      try {
        for (;;) yield { head: none, body: new Uint8Array(2e6) };
      } finally {
        left = true;
      }
    });
    say(frame({ head: none, body: none }));
    await pass(10_000);
    await pass(10_000);
    expect(await aborted).toEqual(code("MESH_TIMEOUT"));
    await finished;
    expect(left).toBe(true);
  });

  test("goes on for as long as the handler is at work", async () => {
    const go = Promise.withResolvers<void>();
    const { say, pass, written, finished } = slowly(async function* () {
      await go.promise;
      yield { head: none, body: none };
    });
    say(frame({ head: none, body: none }));
    for (let i = 0; i < 5; i++) await pass(10_000);
    go.resolve();
    await (await finished)();
    expect(written.at(-1)).toEqual(signalFrame(Signal.end));
  });
});
