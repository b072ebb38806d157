import { Bytes, equalBytes, Millis, seededRandom } from "@tabcast/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type {
  GossipRules,
  Handler,
  Judgement,
  Mesh,
  Message,
  RequestOptions,
} from "../src/mesh.ts";
import { peerIdFromPublicKey } from "../src/peer-id.ts";
import { WINDOW } from "../src/rpc.ts";

const SEED = 20261121;
const random = seededRandom(SEED, "mesh compliance");
const none = new Uint8Array(0);
const text = (value: string) => new TextEncoder().encode(value);
const never = () => new AbortController().signal;

/** Pseudo-random bytes, made fast: a word repeated with a counter in it would hide a swapped chunk. */
function bytes(length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = random.below(2 ** 32) | 1;
  for (let i = 0; i < words.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}

/** A promise and its ends. */
function deferred<T = void>() {
  return Promise.withResolvers<T>();
}

const atOnce = () => Promise.resolve();

async function all(parts: AsyncIterable<Message>): Promise<Message[]> {
  const list: Message[] = [];
  for await (const part of parts) list.push(part);
  return list;
}

const echo: Handler = async function* (request) {
  yield request;
};

/** A signal that counts its listeners. */
function counted() {
  const controller = new AbortController();
  const { signal } = controller;
  let count = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    count += 1;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    count -= 1;
    removeEventListener.apply(signal, args);
  };
  return { signal, count: () => count };
}

/** A topic of the suite's own, which relays of a network that runs it carry. */
export const RULED_TOPIC = "/tabcast/test/ruled";

/** Of the topic passes what begins as the answer that it asks for. */
const rules: GossipRules = new Map([
  [
    RULED_TOPIC,
    {
      largest: 1_000,
      each: { perSecond: 100, burst: 300 },
      all: { perSecond: 100, burst: 300 },
      judge: async (body, author) => {
        const [asked, by] = new TextDecoder().decode(body).split(" ");
        return by === author ? (asked as Judgement) : "reject";
      },
    },
  ],
]);

/**
 * What every mesh must do. `join` gives one more mesh of the same network, under the given rules and reachable by the others; the suite
 * closes it.
 */
export function compliance(
  name: string,
  join: (options: { readonly rules: GossipRules }) => Promise<Mesh>,
): void {
  describe(`mesh compliance: ${name} (seed ${SEED})`, () => {
    const open: Mesh[] = [];
    const enter = async () => {
      const mesh = await join({ rules });
      open.push(mesh);
      await mesh.reachable({ signal: AbortSignal.timeout(15_000) });
      return mesh;
    };
    let a: Mesh;
    let b: Mesh;
    let count = 0;
    const ownProtocol = () => `/tabcast/test/${count++}`;
    const ownTopic = () => "/tabcast/1/offers";
    const ask = (
      peer: Mesh,
      protocol: string,
      message: Message,
      options: Partial<RequestOptions> = {},
    ) =>
      a.request(peer.self, protocol, message, {
        signal: AbortSignal.timeout(20_000),
        addrs: peer.addrs(),
        ...options,
      });

    beforeAll(async () => {
      [a, b] = await Promise.all([enter(), enter()]);
    });
    afterAll(async () => {
      await Promise.all(open.map((mesh) => mesh.close()));
    });

    test("carries 8 MB to a peer and back, byte for byte", async () => {
      const protocol = ownProtocol();
      const serving = new AbortController();
      const options = { signal: serving.signal, maxBody: Bytes.of(9e6) };
      b.serve(protocol, echo, options);
      const body = bytes(8e6);
      const [answer, ...more] = await all(ask(b, protocol, { head: text("eight"), body }));
      expect(more).toEqual([]);
      expect(answer?.head).toEqual(text("eight"));
      expect(equalBytes(answer?.body ?? none, body)).toBe(true);
      serving.abort();
    });

    test("tells the handler who asks", async () => {
      const protocol = ownProtocol();
      const asked = deferred<string>();
      b.serve(
        protocol,
        async function* (request, asker) {
          asked.resolve(asker.peer);
          yield request;
        },
        { signal: never() },
      );
      await all(ask(b, protocol, { head: none, body: none }));
      expect(await asked.promise).toBe(a.self);
    });

    test("hands on each part of an answer before the next is made", async () => {
      const protocol = ownProtocol();
      const seen = Array.from({ length: 3 }, () => deferred());
      b.serve(
        protocol,
        async function* () {
          for (const [i, one] of seen.entries()) {
            yield { head: text(`progress ${i}`), body: none };
            await one.promise;
          }
          yield { head: text("result"), body: bytes(300_000) };
        },
        { signal: never() },
      );
      const heads: string[] = [];
      for await (const { head, body } of ask(b, protocol, { head: none, body: none })) {
        heads.push(`${new TextDecoder().decode(head)}, ${body.byteLength}`);
        seen[heads.length - 1]?.resolve();
      }
      expect(heads).toEqual(["progress 0, 0", "progress 1, 0", "progress 2, 0", "result, 300000"]);
    });

    test("keeps requests to one peer apart when they run at once", async () => {
      const protocol = ownProtocol();
      b.serve(protocol, echo, { signal: never(), maxBody: Bytes.of(1e6) });
      const bodies = Array.from({ length: 6 }, (_, i) => bytes(100_000 * (i + 1)));
      const answers = await Promise.all(
        bodies.map((body) => all(ask(b, protocol, { head: none, body }))),
      );
      for (const [i, [answer]] of answers.entries())
        expect(equalBytes(answer?.body ?? none, bodies[i] as Uint8Array)).toBe(true);
    });

    test("an abort rejects with its own reason and fires the handler's signal", async () => {
      const protocol = ownProtocol();
      const started = deferred();
      const stopped = deferred();
      b.serve(
        protocol,
        async function* (_, { signal }) {
          signal.addEventListener("abort", () => stopped.resolve(), { once: true });
          yield { head: text("started"), body: none };
          started.resolve();
          await stopped.promise;
        },
        { signal: never() },
      );
      const controller = new AbortController();
      const reason = new Error("changed my mind");
      const asking = all(
        ask(b, protocol, { head: none, body: none }, { signal: controller.signal }),
      );
      await started.promise;
      controller.abort(reason);
      await expect(asking).rejects.toBe(reason);
      await stopped.promise;
    });

    test("an asker that leaves its loop fires the handler's signal", async () => {
      const protocol = ownProtocol();
      const stopped = deferred();
      b.serve(
        protocol,
        async function* (_, { signal }) {
          signal.addEventListener("abort", () => stopped.resolve(), { once: true });
          while (!signal.aborted) yield { head: text("more"), body: none };
        },
        { signal: never() },
      );
      for await (const part of ask(b, protocol, { head: none, body: none })) {
        expect(part.head).toEqual(text("more"));
        break;
      }
      await stopped.promise;
    });

    test("a signal that has fired already stops a request before it is sent", async () => {
      const asking = all(
        ask(b, "/tabcast/test/none", { head: none, body: none }, { signal: AbortSignal.abort() }),
      );
      await expect(asking).rejects.toMatchObject({ name: "AbortError" });
    });

    test("a request body over the limit is refused before the handler sees it", async () => {
      const protocol = ownProtocol();
      let called = false;
      b.serve(
        protocol,
        async function* (request) {
          called = true;
          yield request;
        },
        { signal: never(), maxBody: Bytes.of(1000) },
      );
      await expect(all(ask(b, protocol, { head: none, body: bytes(4e6) }))).rejects.toMatchObject({
        code: "MESH_TOO_LARGE",
        reason: { what: "body", size: 4e6 },
      });
      expect(called).toBe(false);
      expect(await all(ask(b, protocol, { head: none, body: bytes(1000) }))).toHaveLength(1);
    });

    test("who is not due is answered before its body is read, and who is due is served", async () => {
      const protocol = ownProtocol();
      const seen: number[] = [];
      const served: number[] = [];
      b.serve(
        protocol,
        async function* (request) {
          served.push(request.body.byteLength);
          yield { head: text("done"), body: none };
        },
        {
          signal: never(),
          maxBody: Bytes.of(9e6),
          admit: (head, { peer, size }) => {
            expect(peer).toBe(a.self);
            seen.push(size);
            return head[0] === 1
              ? { rank: "crew" }
              : { refusal: { head: text("not due"), body: none } };
          },
        },
      );
      const send = (first: number, size: number) =>
        all(ask(b, protocol, { head: Uint8Array.of(first), body: bytes(size) }));
      expect(await send(0, 8e6)).toEqual([{ head: text("not due"), body: none }]);
      expect(served).toEqual([]);
      expect(await send(1, 8e6)).toEqual([{ head: text("done"), body: none }]);
      expect([seen, served]).toEqual([[8e6, 8e6], [8e6]]);
    });

    test("an answer over the asker's limit is refused and its handler stopped", async () => {
      const protocol = ownProtocol();
      const stopped = deferred();
      b.serve(
        protocol,
        async function* (_, { signal }) {
          signal.addEventListener("abort", () => stopped.resolve(), { once: true });
          yield { head: none, body: bytes(2e6) };
          await stopped.promise;
        },
        { signal: never() },
      );
      await expect(
        all(ask(b, protocol, { head: none, body: none }, { maxBody: Bytes.of(1e6) })),
      ).rejects.toMatchObject({
        code: "MESH_TOO_LARGE",
        reason: { what: "body", size: 2e6, limit: 1e6 },
      });
      await stopped.promise;
    });

    test("a head over 64 KiB is not sent, and not accepted from a handler", async () => {
      const protocol = ownProtocol();
      b.serve(
        protocol,
        async function* () {
          yield { head: bytes(65_537), body: none };
        },
        { signal: never() },
      );
      await expect(
        all(ask(b, protocol, { head: bytes(65_537), body: none })),
      ).rejects.toMatchObject({ code: "MESH_TOO_LARGE", reason: { what: "head" } });
      await expect(all(ask(b, protocol, { head: none, body: none }))).rejects.toMatchObject({
        code: "MESH_REFUSED",
      });
    });

    test("a handler that throws, and a protocol nobody answers, reject with MESH_REFUSED", async () => {
      const protocol = ownProtocol();
      b.serve(
        protocol,
        // biome-ignore lint/correctness/useYield: it fails before it has anything to say
        async function* () {
          throw new Error("no");
        },
        { signal: never() },
      );
      for (const one of [protocol, "/tabcast/test/nobody"])
        await expect(all(ask(b, one, { head: none, body: none }))).rejects.toMatchObject({
          code: "MESH_REFUSED",
        });
    });

    test("a handler over its time is stopped, and the asker told", async () => {
      const protocol = ownProtocol();
      b.serve(
        protocol,
        async function* (_, { signal }) {
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          yield { head: none, body: none };
        },
        { signal: never(), timeout: Millis.of(50) },
      );
      await expect(all(ask(b, protocol, { head: none, body: none }))).rejects.toMatchObject({
        code: "MESH_REFUSED",
      });
    });

    test("a slow reader loses nothing, and the writer waits for it", async () => {
      const protocol = ownProtocol();
      const mb = 1_000_000;
      const total = 16;
      const body = bytes(mb);
      let made = 0;
      b.serve(
        protocol,
        async function* () {
          for (; made < total; made++) yield { head: Uint8Array.of(made), body };
        },
        { signal: never() },
      );
      b.serve(`${protocol}/still`, echo, { signal: never() });
      let taken = 0;
      for await (const part of ask(b, protocol, { head: none, body: none })) {
        expect(part.head[0]).toBe(taken++);
        expect(equalBytes(part.body, body)).toBe(true);
        // Round trips in which a writer without manners would run ahead.
        for (let i = 0; i < 10; i++)
          await all(ask(b, `${protocol}/still`, { head: none, body: none }));
        expect((made - taken) * mb).toBeLessThanOrEqual(WINDOW + mb);
      }
      expect(taken).toBe(total);
    });

    /** What `count` parts follow a request with: each is made only when `go` says so. */
    async function* steps(count: number, go: (step: number) => Promise<unknown>) {
      for (let step = 0; step < count; step++) {
        await go(step);
        yield { head: Uint8Array.of(step), body: bytes(100_000) };
      }
    }

    test("carries what follows a request as it comes, while the answer comes too", async () => {
      const protocol = ownProtocol();
      b.serve(
        protocol,
        async function* (request, { following }) {
          yield request;
          for await (const part of following) yield part;
          yield { head: text("complete"), body: none };
        },
        { signal: never(), maxFollowing: Bytes.of(1e6) },
      );
      // Each part is made only after the answer to the one before it has come.
      const answered = Array.from({ length: 4 }, () => deferred());
      const following = steps(3, (step) => answered[step]?.promise as Promise<void>);
      const heads: string[] = [];
      for await (const { head, body } of ask(
        b,
        protocol,
        { head: text("first"), body: none },
        { following },
      )) {
        const name = head.byteLength === 1 ? `part ${head[0]}` : new TextDecoder().decode(head);
        heads.push(`${name}, ${body.byteLength}`);
        answered[heads.length - 1]?.resolve();
      }
      expect(heads).toEqual([
        "first, 0",
        "part 0, 100000",
        "part 1, 100000",
        "part 2, 100000",
        "complete, 0",
      ]);
    });

    test("what fails while it follows a request ends it on both sides, with its own error here", async () => {
      const protocol = ownProtocol();
      const stopped = deferred<unknown>();
      b.serve(
        protocol,
        async function* (_, { following }) {
          try {
            for await (const _part of following);
          } catch (thrown) {
            stopped.resolve(thrown);
            throw thrown;
          }
          yield { head: text("complete"), body: none };
        },
        { signal: never(), maxFollowing: Bytes.of(1e6) },
      );
      const reason = new Error("the camera is gone");
      const following = steps(3, (step) => (step === 2 ? Promise.reject(reason) : atOnce()));
      await expect(all(ask(b, protocol, { head: none, body: none }, { following }))).rejects.toBe(
        reason,
      );
      expect(await stopped.promise).toMatchObject({ code: "MESH_PEER_LOST" });
    });

    test("an abort in the middle of what follows rejects both sides and leaves its maker", async () => {
      const protocol = ownProtocol();
      const [begun, stopped, left] = [deferred(), deferred<unknown>(), deferred()];
      b.serve(
        protocol,
        async function* (_, { following }) {
          try {
            for await (const _part of following) begun.resolve();
          } catch (thrown) {
            stopped.resolve(thrown);
          }
          yield { head: none, body: none };
        },
        { signal: never(), maxFollowing: Bytes.of(1e6) },
      );
      const controller = new AbortController();
      const { signal } = controller;
      const following = (async function* () {
        try {
          yield { head: none, body: bytes(10) };
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        } finally {
          left.resolve();
        }
      })();
      const asking = all(ask(b, protocol, { head: none, body: none }, { signal, following }));
      await begun.promise;
      const reason = new Error("changed my mind");
      controller.abort(reason);
      await expect(asking).rejects.toBe(reason);
      expect(await stopped.promise).toMatchObject({ code: "MESH_PEER_LOST" });
      await left.promise;
    });

    test("an answer that is complete before what follows it leaves its maker", async () => {
      const protocol = ownProtocol();
      b.serve(
        protocol,
        async function* (_, { following }) {
          for await (const part of following) return yield part;
        },
        { signal: never(), maxFollowing: Bytes.of(1e6) },
      );
      const left = deferred();
      const following = (async function* () {
        try {
          while (true) yield { head: text("more"), body: none };
        } finally {
          left.resolve();
        }
      })();
      const parts = await all(ask(b, protocol, { head: none, body: none }, { following }));
      expect(parts.map(({ head }) => head)).toEqual([text("more")]);
      await left.promise;
    });

    test("more than may follow a request is refused", async () => {
      const protocol = ownProtocol();
      const handler: Handler = async function* (_, { following }) {
        for await (const _part of following);
        yield { head: none, body: none };
      };
      b.serve(protocol, handler, { signal: never(), maxFollowing: Bytes.of(250_000) });
      const request = { head: none, body: none };
      const two = ask(b, protocol, request, { following: steps(2, atOnce) });
      expect(await all(two)).toHaveLength(1);
      await expect(
        all(ask(b, protocol, request, { following: steps(3, atOnce) })),
      ).rejects.toMatchObject({ code: "MESH_TOO_LARGE" });
    });

    test("a slow handler loses nothing of what follows, and the asker waits for it", async () => {
      const protocol = ownProtocol();
      const mb = 1_000_000;
      const total = 12;
      const body = bytes(mb);
      const goOn = Array.from({ length: total }, () => deferred());
      let made = 0;
      b.serve(`${protocol}/still`, echo, { signal: never() });
      b.serve(
        protocol,
        async function* (_, { following }) {
          for await (const part of following) {
            yield { head: part.head, body: part.body.subarray(0, 1000) };
            await goOn[part.head[0] ?? 0]?.promise;
          }
        },
        { signal: never(), maxFollowing: Bytes.of(20e6) },
      );
      const following = (async function* () {
        for (; made < total; made++) yield { head: Uint8Array.of(made), body };
      })();
      let taken = 0;
      for await (const part of ask(b, protocol, { head: none, body: none }, { following })) {
        expect(part.head[0]).toBe(taken);
        expect(equalBytes(part.body, body.subarray(0, 1000))).toBe(true);
        // Round trips in which an asker without manners would run ahead.
        for (let i = 0; i < 10; i++)
          await all(ask(b, `${protocol}/still`, { head: none, body: none }));
        expect((made - taken) * mb).toBeLessThanOrEqual(WINDOW + 2 * mb);
        goOn[taken++]?.resolve();
      }
      expect(taken).toBe(total);
    });

    test("a flood of one peer is bounded by maxPerPeer, and the rest told at once", async () => {
      const protocol = ownProtocol();
      const release = deferred();
      const full = deferred();
      let running = 0;
      b.serve(
        protocol,
        async function* () {
          if (++running === 3) full.resolve();
          await release.promise;
          yield { head: text("served"), body: none };
        },
        { signal: never(), maxPerPeer: 3 },
      );
      const asked = Array.from({ length: 3 }, () =>
        all(ask(b, protocol, { head: none, body: none })),
      );
      await full.promise;
      const more = await Promise.allSettled(
        Array.from({ length: 30 }, () => all(ask(b, protocol, { head: none, body: none }))),
      );
      for (const one of more)
        expect(one).toMatchObject({ status: "rejected", reason: { code: "MESH_BUSY" } });
      expect(running).toBe(3);
      release.resolve();
      for (const parts of await Promise.all(asked)) expect(parts).toHaveLength(1);
      expect(await all(ask(b, protocol, { head: none, body: none }))).toHaveLength(1);
    });

    test("a peer that vanishes in the middle of a request is MESH_PEER_LOST within two seconds", async () => {
      const protocol = ownProtocol();
      const c = await enter();
      const told: string[] = [];
      const watching = new AbortController();
      const parted = deferred();
      a.watch(
        (event) => {
          if ("peer" in event && event.peer === c.self) told.push(event.type);
          if (event.type === "disconnected" && event.peer === c.self) parted.resolve();
        },
        { signal: watching.signal },
      );
      c.serve(
        protocol,
        async function* (_, { signal }) {
          yield { head: text("working"), body: none };
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        },
        { signal: never() },
      );
      let left = 0;
      const asking = (async () => {
        for await (const _ of ask(c, protocol, { head: none, body: none })) {
          left = performance.now();
          void c.close();
        }
      })();
      await expect(asking).rejects.toMatchObject({
        code: "MESH_PEER_LOST",
        reason: { peer: c.self },
      });
      await parted.promise;
      expect(performance.now() - left).toBeLessThan(2_000);
      expect(told.at(-1)).toBe("disconnected");
      const direct = a.neighbours().filter(({ via }) => via !== "relayed");
      expect(direct.some(({ peer }) => peer === c.self)).toBe(false);
      watching.abort();
      await expect(all(ask(c, protocol, { head: none, body: none }))).rejects.toMatchObject({
        code: "MESH_UNREACHABLE",
      });
    });

    test("a peer that does not exist is MESH_UNREACHABLE, a bad id MESH_BAD_ADDRESS", async () => {
      const nobody = peerIdFromPublicKey(random.bytes(32));
      const request = (peer: string) =>
        all(
          a.request(
            peer,
            "/tabcast/test/none",
            { head: none, body: none },
            {
              signal: AbortSignal.timeout(20_000),
            },
          ),
        );
      await expect(request(nobody)).rejects.toMatchObject({ code: "MESH_UNREACHABLE" });
      await expect(request("12D3KooWnonsense")).rejects.toMatchObject({ code: "MESH_BAD_ADDRESS" });
    });

    test("gossip reaches a subscriber once, with its sender, and a late one from then on", async () => {
      const topic = ownTopic();
      const ended = new AbortController();
      const heard: string[] = [];
      const own: string[] = [];
      const complete = deferred();
      a.subscribe(topic, ({ body }) => own.push(new TextDecoder().decode(body)), ended);
      b.subscribe(
        topic,
        ({ from, body }) => {
          expect(from).toBe(a.self);
          heard.push(new TextDecoder().decode(body));
          if (heard.length === 20) complete.resolve();
        },
        ended,
      );
      await expect.poll(() => a.subscribers(topic), { timeout: 15_000 }).not.toEqual([]);
      await reach(a, topic, heard);
      heard.length = 0;
      const sent = Array.from({ length: 20 }, (_, i) => `message ${i}`);
      for (const one of sent) await a.publish(topic, text(one));
      await complete.promise;
      expect([...heard].sort()).toEqual([...sent].sort());
      expect(own).toEqual([]);

      const late = await enter();
      const hers: string[] = [];
      late.subscribe(topic, ({ body }) => hers.push(new TextDecoder().decode(body)), ended);
      await reach(a, topic, hers);
      const last = `late ${SEED}`;
      await a.publish(topic, text(last));
      await expect.poll(() => hers.filter((one) => one === last).length).toBe(1);

      ended.abort();
      const before = heard.length;
      await a.publish(topic, text("nobody listens"));
      await all(ask(b, "/tabcast/test/nobody", { head: none, body: none })).catch(() => {});
      expect(heard.length).toBe(before);
    });

    /** Publishes until `heard` hears: gossip needs a moment to know who listens. */
    async function reach(
      from: Mesh,
      topic: string,
      heard: readonly string[],
      begins = "",
    ): Promise<void> {
      let probes = 0;
      await expect
        .poll(
          async () => {
            await from.publish(topic, text(`${begins}probe ${probes++} ${random.below(1e9)}`));
            return heard.length > 0;
          },
          { timeout: 15_000, interval: 100 },
        )
        .toBe(true);
      // Probes that are still under way must not be counted later.
      const last = `${begins}probe end ${random.below(1e9)}`;
      await from.publish(topic, text(last));
      await expect.poll(() => heard.includes(last), { timeout: 15_000 }).toBe(true);
    }

    test("a gossip message over 64 KiB is refused", async () => {
      await expect(a.publish(ownTopic(), bytes(65_537))).rejects.toMatchObject({
        code: "MESH_TOO_LARGE",
        reason: { what: "gossip" },
      });
    });

    test("of a topic that has a rule only what it accepts reaches anybody, under its author's name", async () => {
      const ended = { signal: never() };
      const [heard, probed]: [string[], string[]] = [[], []];
      b.subscribe(
        RULED_TOPIC,
        ({ body }) => {
          const said = new TextDecoder().decode(body);
          (said.startsWith(`accept ${a.self} probe`) ? probed : heard).push(said);
        },
        ended,
      );
      await expect.poll(() => a.subscribers(RULED_TOPIC), { timeout: 15_000 }).not.toEqual([]);
      await reach(a, RULED_TOPIC, probed, `accept ${a.self} `);
      const said = ["reject", "ignore", "accept"].flatMap((asked) => [
        `${asked} ${a.self} 1`,
        `${asked} ${b.self} 2`,
      ]);
      for (const one of said) await a.publish(RULED_TOPIC, text(one));
      await a.publish(RULED_TOPIC, text(`accept ${a.self} last`));
      await expect.poll(() => heard, { timeout: 15_000 }).toContain(`accept ${a.self} last`);
      expect([...heard].sort()).toEqual([`accept ${a.self} 1`, `accept ${a.self} last`]);
    });

    test("a message larger than its topic carries is not sent", async () => {
      await expect(a.publish(RULED_TOPIC, bytes(1_001))).rejects.toMatchObject({
        code: "MESH_TOO_LARGE",
        reason: { what: "gossip", limit: 1_000 },
      });
    });

    test("a protocol is answered by one handler, until its signal fires", async () => {
      const protocol = ownProtocol();
      const first = new AbortController();
      b.serve(protocol, echo, { signal: first.signal });
      expect(() => b.serve(protocol, echo, { signal: never() })).toThrow(
        expect.objectContaining({ code: "MESH_PROTOCOL_TAKEN" }),
      );
      expect(await all(ask(b, protocol, { head: none, body: none }))).toHaveLength(1);
      first.abort();
      await expect(all(ask(b, protocol, { head: none, body: none }))).rejects.toMatchObject({
        code: "MESH_REFUSED",
      });
      b.serve(protocol, echo, { signal: never() });
      expect(await all(ask(b, protocol, { head: none, body: none }))).toHaveLength(1);
    });

    test("a served and a broken request leave no listener on the caller's signal", async () => {
      const protocol = ownProtocol();
      b.serve(protocol, echo, { signal: never() });
      const { signal, count } = counted();
      await all(ask(b, protocol, { head: none, body: none }, { signal }));
      for await (const _ of ask(b, protocol, { head: none, body: none }, { signal })) break;
      await all(ask(b, "/tabcast/test/nobody", { head: none, body: none }, { signal })).catch(
        () => {},
      );
      expect(count()).toBe(0);
    });

    test("lists its neighbours and keeps one on request", async () => {
      const [neighbour] = a.neighbours().filter(({ peer }) => peer === b.self);
      expect(["webrtc", "memory"]).toContain(neighbour?.via);
      await a.keep(b.self, true);
      await a.keep(b.self, false);
    });

    test("close may be called twice, ends what runs, and refuses what comes after", async () => {
      const c = await enter();
      const signal = never();
      const closed = expect.objectContaining({ code: "MESH_CLOSED" });
      const running = all(
        c.request(
          b.self,
          "/tabcast/test/wait",
          { head: none, body: none },
          {
            signal,
            addrs: b.addrs(),
          },
        ),
      );
      const serving = new AbortController();
      const asked = deferred();
      b.serve(
        "/tabcast/test/wait",
        async function* (_, asker) {
          asked.resolve();
          await new Promise((resolve) => asker.signal.addEventListener("abort", resolve));
          yield { head: none, body: none };
        },
        serving,
      );
      running.catch(() => {});
      await asked.promise;
      const began = performance.now();
      const twice = [c.close(), c.close()];
      await expect(running).rejects.toEqual(closed);
      await Promise.all(twice);
      await c.close();
      expect(performance.now() - began).toBeLessThan(2_000);
      expect(c.addrs()).toEqual([]);
      await expect(c.publish("/tabcast/1/offers", none)).rejects.toEqual(closed);
      await expect(c.reachable({ signal })).rejects.toEqual(closed);
      await expect(
        all(c.request(b.self, "/tabcast/test/wait", { head: none, body: none }, { signal })),
      ).rejects.toEqual(closed);
      expect(() => c.serve("/tabcast/test/late", echo, { signal })).toThrow(closed);
      serving.abort();
    });
  });
}
