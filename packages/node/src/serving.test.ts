import { type Mesh, memory, memoryNetwork } from "@tabcast/mesh";
import { Get, PROTOCOLS, peerIdOf } from "@tabcast/protocol";
import { type Bytes, sha256, toHex } from "@tabcast/runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openBlobStore } from "./blob-store.ts";
import { serveBlobs } from "./exchange.ts";
import { knowPeers, rankOf } from "./ranks.ts";

const nothing = new Uint8Array(0);
/** 10 Mbit/s, in bytes a second. */
const UPLINK = 1_250_000;
const large = new Uint8Array(32 * 2 ** 20);
const small = new Uint8Array(300_000).fill(1);
const [largeHash, smallHash] = [await sha256(large), await sha256(small)];

let done: AbortController;
let tab: Mesh;
let enter: () => Mesh;
let open: Mesh[];

beforeEach(() => {
  done = new AbortController();
  open = [];
  const network = memoryNetwork({ uplink: (peer) => (peer === tab?.self ? UPLINK : undefined) });
  enter = () => {
    const self = peerIdOf(new Uint8Array(32).fill(open.length + 1));
    const mesh = memory(network, { self });
    open.push(mesh);
    return mesh;
  };
  tab = enter();
  const blobs = openBlobStore();
  blobs.put(toHex(largeHash), large);
  blobs.put(toHex(smallHash), small);
  serveBlobs(tab, blobs, done.signal);
});
afterEach(async () => {
  done.abort(new Error("the test is over"));
  await Promise.all(open.map((mesh) => mesh.close()));
});

/** Asks for bytes; resolves with how many came, and tells of them as they come. */
async function get(mesh: Mesh, hash: Uint8Array, heard = (_: number) => {}): Promise<number> {
  let size = 0;
  const message = { head: Get.encode({ hash }), body: nothing };
  const options = { signal: done.signal, heard };
  for await (const part of mesh.request(tab.self, PROTOCOLS.get, message, options))
    size += part.body.byteLength;
  return size;
}

/**
 * So many strangers that each ask for 32 MiB sixteen times, and take whatever comes. Resolves once each has got something, with how many
 * bytes all of them get while something else is done.
 */
async function greedy(count: number) {
  let bytes = 0;
  const began = Array.from({ length: count }, () => {
    const first = Promise.withResolvers<void>();
    const mesh = enter();
    for (let ask = 0; ask < 16; ask++)
      get(mesh, largeHash, (more) => {
        bytes += more;
        if (more > 10_000) first.resolve();
      }).catch(() => {});
    return first.promise;
  });
  await Promise.all(began);
  return async (what: () => Promise<unknown>) => {
    const before = bytes;
    await what();
    return bytes - before;
  };
}

describe("a tab whose uplink thirty strangers want for themselves", () => {
  test("sends its own jobs before what they ask for", async () => {
    const worker = enter();
    worker.serve(
      "/job",
      async function* ({ body }) {
        yield { head: Uint8Array.of(body.byteLength === small.byteLength ? 1 : 0), body: nothing };
      },
      { signal: done.signal, maxBody: 8e6 as Bytes, admit: () => ({ rank: "own" }) },
    );
    const during = await greedy(30);
    for (let i = 0; i < 3; i++) {
      const strangers = await during(async () => {
        const job = { head: nothing, body: small };
        const parts = tab.request(worker.self, "/job", job, { signal: done.signal });
        for await (const { head } of parts) expect(head[0]).toBe(1);
      });
      // What was on its way, and what leaves while nothing of the job waits; in equal shares it would be 9 MB.
      expect(strangers).toBeLessThan(2 * small.byteLength);
    }
  }, 20_000);

  test("gives its crew first, then a viewer, and strangers what is left", async () => {
    const [crew, viewer] = [enter(), enter()];
    knowPeers(tab, (peer) => (peer === crew.self ? "crew" : undefined), done.signal);
    expect(rankOf(tab, viewer.self)).toBe("stranger");
    await get(viewer, smallHash);
    expect(rankOf(tab, viewer.self)).toBe("viewer");
    expect(rankOf(tab, crew.self)).toBe("crew");
    const during = await greedy(30);
    for (const mesh of [crew, viewer]) {
      const strangers = await during(() => get(mesh, smallHash));
      expect(strangers).toBeLessThan(2 * small.byteLength);
    }
  }, 20_000);
});

test("a stranger has six requests answered at once, one of the crew sixteen", async () => {
  const [stranger, crew] = [enter(), enter()];
  knowPeers(tab, (peer) => (peer === crew.self ? "crew" : undefined), done.signal);
  const refused = async (mesh: Mesh) => {
    let count = 0;
    const request = { head: Get.encode({ hash: largeHash }), body: nothing };
    const first = Array.from({ length: 16 }, async () => {
      const parts = mesh.request(tab.self, PROTOCOLS.get, request, { signal: done.signal });
      let parted = 0;
      for await (const { head } of parts) {
        parted++;
        if (head.byteLength > 0 && head[0] !== 8) count++; // `ok` is written only where it is true
        break;
      }
      return parted;
    });
    // All ask before any of them has left.
    await Promise.all(first);
    return count;
  };
  expect([await refused(stranger), await refused(crew)]).toEqual([10, 0]);
});
