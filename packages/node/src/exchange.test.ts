import { type Mesh, memory, memoryNetwork } from "@tabcast/mesh";
import { GetReply, PROTOCOLS, peerIdOf } from "@tabcast/protocol";
import { type Bytes, sha256, systemClock, toHex } from "@tabcast/runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openBlobStore } from "./blob-store.ts";
import { directoryOf } from "./directory/serve.ts";
import { answer, ask, serveBlobs } from "./exchange.ts";
import { openFetcher } from "./fetcher.ts";

let meshes: Mesh[];
let done: AbortController;
const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i);
const nothing = new Uint8Array(0);

beforeEach(() => {
  const network = memoryNetwork();
  done = new AbortController();
  meshes = Array.from({ length: 4 }, (_, i) =>
    memory(network, { self: peerIdOf(new Uint8Array(32).fill(i + 1)) }),
  );
});
afterEach(async () => {
  done.abort();
  await Promise.all(meshes.map((mesh) => mesh.close()));
});

async function holding(mesh: Mesh): Promise<Uint8Array> {
  const blobs = openBlobStore();
  const hash = await sha256(bytes);
  blobs.put(toHex(hash), bytes);
  serveBlobs(mesh, blobs, done.signal);
  return hash;
}
const holder = ({ self }: Mesh) => ({ peer: self, addrs: [] });
const [signal, size] = [AbortSignal.timeout(20_000), bytes.byteLength];

describe("fetching by hash", () => {
  test("gets the bytes and says from whom and when the first came", async () => {
    const [me, other] = meshes as [Mesh, Mesh];
    const hash = await holding(other);
    const got = await openFetcher({ mesh: me, clock: systemClock }).fetch(
      { hash, size, holders: [holder(other)] },
      { signal },
    );
    expect(got.peer).toBe(other.self);
    expect(got.bytes).toEqual(bytes);
    expect(got.firstByteAt).toBeLessThanOrEqual(performance.now());
  });

  test("takes the next holder when one sends other bytes, and tells of it", async () => {
    const [me, liar, honest] = meshes as [Mesh, Mesh, Mesh];
    const hash = await holding(honest);
    liar.serve(
      PROTOCOLS.get,
      async function* () {
        yield { head: GetReply.encode({ ok: true, why: "", size }), body: nothing };
        yield { head: nothing, body: bytes.toReversed() };
      },
      { signal: done.signal },
    );
    const failures: unknown[] = [];
    const failed = (peer: string, fault: string) => failures.push({ peer, fault });
    const wanted = { hash, size, holders: [holder(liar), holder(honest)] };
    const fetcher = openFetcher({ mesh: me, clock: systemClock });
    expect((await fetcher.fetch(wanted, { signal, failed })).peer).toBe(honest.self);
    expect(failures).toEqual([{ peer: liar.self, fault: "wrong" }]);
    // And asks the liar last from now on.
    expect((await fetcher.fetch(wanted, { signal, failed })).peer).toBe(honest.self);
    expect(failures).toHaveLength(1);
  });

  test("does not wait for a holder that stays silent", async () => {
    const [me, silent, honest] = meshes as [Mesh, Mesh, Mesh];
    const hash = await holding(honest);
    let aborted = false;
    silent.serve(
      PROTOCOLS.get,
      async function* (_request, { signal: gone }) {
        await new Promise((resolve) => gone.addEventListener("abort", resolve));
        aborted = true;
      },
      { signal: done.signal },
    );
    const wanted = { hash, size, holders: [holder(silent), holder(honest)] };
    expect(
      (await openFetcher({ mesh: me, clock: systemClock }).fetch(wanted, { signal })).peer,
    ).toBe(honest.self);
    await expect.poll(() => aborted).toBe(true); // and it need not go on
  });

  /** A holder that says that it has the bytes, and then sends what `each` yields, if anything, until the asker leaves. */
  function stalling(mesh: Mesh, pieces = 0) {
    const asked: number[] = [];
    mesh.serve(
      PROTOCOLS.get,
      async function* (_, { signal: gone }) {
        asked.push(asked.length);
        yield { head: GetReply.encode({ ok: true, why: "", size }), body: nothing };
        for (let i = 0; i < pieces && !gone.aborted; i++) {
          yield { head: nothing, body: nothing };
          await systemClock.sleep(100, { signal: gone }).catch(() => {});
        }
        await new Promise((resolve) => gone.addEventListener("abort", resolve));
      },
      { signal: done.signal },
    );
    return asked;
  }

  test("is not held up by a holder that sends its head and then nothing, and asks it last from then on", async () => {
    const [me, staller, honest] = meshes as [Mesh, Mesh, Mesh];
    const hash = await holding(honest);
    const asked = stalling(staller);
    const failures: string[] = [];
    const failed = (_: string, fault: string) => void failures.push(fault);
    const wanted = { hash, size, holders: [holder(staller), holder(honest)] };
    const fetcher = openFetcher({ mesh: me, clock: systemClock });
    const began = performance.now();
    expect((await fetcher.fetch(wanted, { signal, failed })).peer).toBe(honest.self);
    expect(performance.now() - began).toBeLessThan(3_000);
    // It has refused nothing, and is told of as one that was slow.
    expect(failures).toEqual(["stalled"]);
    expect((await fetcher.fetch(wanted, { signal, failed })).peer).toBe(honest.self);
    expect(asked).toHaveLength(1);
  });

  test("asks a holder last that had sent nothing when the asker gave up", async () => {
    const [me, staller, honest] = meshes as [Mesh, Mesh, Mesh];
    const hash = await holding(honest);
    const asked = stalling(staller);
    const fetcher = openFetcher({ mesh: me, clock: systemClock });
    const alone = { hash, size, holders: [holder(staller)] };
    await expect(
      fetcher.fetch(alone, { signal: AbortSignal.timeout(1_300) }),
    ).rejects.toMatchObject({ name: "TimeoutError" });
    const both = { ...alone, holders: [holder(staller), holder(honest)] };
    expect((await fetcher.fetch(both, { signal })).peer).toBe(honest.self);
    expect(asked).toHaveLength(1);
  });

  test("reaches an honest holder behind three that stall", async () => {
    const all = meshes as [Mesh, Mesh, Mesh, Mesh];
    const [me, first, second, honest] = all;
    const hash = await holding(honest);
    stalling(first);
    stalling(second, 1);
    const holders = [
      holder(first),
      holder(second),
      { peer: peerIdOf(new Uint8Array(32).fill(99)), addrs: [] },
      holder(honest),
    ];
    const began = performance.now();
    const fetcher = openFetcher({ mesh: me, clock: systemClock });
    expect((await fetcher.fetch({ hash, size, holders }, { signal })).peer).toBe(honest.self);
    expect(performance.now() - began).toBeLessThan(4_000);
  });

  test("refuses a size that was not promised before it reads the bytes", async () => {
    const [me, other] = meshes as [Mesh, Mesh];
    const hash = await holding(other);
    const wanted = { hash, size: size - 1, holders: [holder(other)] };
    await expect(
      openFetcher({ mesh: me, clock: systemClock }).fetch(wanted, { signal }),
    ).rejects.toMatchObject({
      code: "FETCH_NOBODY",
      cause: { code: "FETCH_SIZE" },
    });
  });

  test("says so when nobody has them, and when nobody is named", async () => {
    const [me, other] = meshes as [Mesh, Mesh];
    await holding(other);
    const hash = new Uint8Array(32);
    const fetcher = openFetcher({ mesh: me, clock: systemClock });
    await expect(
      fetcher.fetch({ hash, size, holders: [holder(other)] }, { signal }),
    ).rejects.toMatchObject({ code: "FETCH_NOBODY", cause: { code: "FETCH_REFUSED" } });
    await expect(fetcher.fetch({ hash, size, holders: [] }, { signal })).rejects.toMatchObject({
      code: "FETCH_NOBODY",
    });
  });

  test("ends at once with the reason of the caller's signal", async () => {
    const [me, other] = meshes as [Mesh, Mesh];
    const hash = await holding(other);
    const stop = AbortSignal.abort(new Error("enough"));
    await expect(
      openFetcher({ mesh: me, clock: systemClock }).fetch(
        { hash, size, holders: [holder(other)] },
        { signal: stop },
      ),
    ).rejects.toThrow("enough");
  });

  test("ends with the reason of a signal that stems from several", async () => {
    const [me, staller] = meshes as [Mesh, Mesh];
    const hash = await holding(me);
    const asked = stalling(staller);
    const [stop, other] = [new AbortController(), new AbortController()];
    const fetching = openFetcher({ mesh: me, clock: systemClock }).fetch(
      { hash, size, holders: [holder(staller)] },
      { signal: AbortSignal.any([stop.signal, other.signal]) },
    );
    await expect.poll(() => asked.length).toBe(1);
    stop.abort(new Error("enough"));
    await expect(fetching).rejects.toThrow("enough");
  });

  test("does not answer bytes that are no request", async () => {
    const [me, other] = meshes as [Mesh, Mesh];
    await holding(other);
    await expect(
      ask(me, other.self, PROTOCOLS.get, new Uint8Array([1, 2, 3]), { signal }),
    ).rejects.toThrow();
  });
});

describe("roles in one tab", () => {
  test("share a protocol: the one that knows the answer gives it, until it leaves", async () => {
    const [me, other] = meshes as [Mesh, Mesh];
    const first = new AbortController();
    answer(other, "/test/1", first.signal, ([id]) => (id === 1 ? Uint8Array.of(11) : undefined));
    answer(other, "/test/1", done.signal, ([id]) => (id === 2 ? Uint8Array.of(22) : undefined));
    const reply = async (id: number) =>
      (await ask(me, other.self, "/test/1", Uint8Array.of(id), { signal })).head[0];
    expect([await reply(1), await reply(2)]).toEqual([11, 22]);
    await expect(reply(3)).rejects.toThrow();
    first.abort();
    await expect(reply(1)).rejects.toThrow();
    expect(await reply(2)).toBe(22);
  });
});

describe("a blob store", () => {
  test("never exceeds its bound; the oldest bytes go first", () => {
    const blobs = openBlobStore(250_000 as Bytes);
    for (const name of ["a", "b", "c"]) blobs.put(name, bytes);
    expect([blobs.get("a"), blobs.size()]).toEqual([undefined, 200_000]);
    blobs.put("b", bytes); // known again: now the newest
    blobs.put("d", bytes);
    expect(blobs.get("c")).toBeUndefined();
    expect(blobs.get("b")).toBe(bytes);
    blobs.put("huge", new Uint8Array(300_000));
    expect(blobs.get("huge")).toBeUndefined();
  });

  test("keeps nothing for longer than it is told to", () => {
    let now = 0;
    const blobs = openBlobStore(1_000_000 as Bytes, { now: () => now, forMs: 1_000 });
    blobs.put("a", bytes);
    now = 999;
    expect(blobs.get("a")).toBe(bytes);
    blobs.put("b", bytes);
    now = 1_000;
    expect([blobs.get("a"), blobs.get("b")]).toEqual([undefined, bytes]);
    blobs.put("c", bytes);
    expect(blobs.size()).toBe(200_000);
  });
});

test("what a tab serves listens to a signal of its mesh alone, which goes with it: simulated tabs die by thousands", () => {
  const heard: AbortSignal[] = [];
  for (const mesh of meshes) {
    const listening: Mesh = {
      ...mesh,
      serve(protocol, handler, options) {
        heard.push(options.signal);
        mesh.serve(protocol, handler, options);
      },
    };
    serveBlobs(listening, openBlobStore(), done.signal);
    answer(listening, "/one", done.signal, (head) => head);
    directoryOf({ mesh: listening, clock: systemClock });
  }
  expect(new Set(heard).size).toBe(3 * meshes.length);
});
