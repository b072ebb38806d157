import { Millis, seededRandom } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { compliance } from "../testing/compliance.ts";
import { memory, memoryNetwork } from "./memory.ts";
import { peerIdFromPublicKey } from "./peer-id.ts";

for (const latency of [0, 3]) {
  const random = seededRandom(1, `memory ${latency}`);
  const network = memoryNetwork({ latency: () => Millis.of(latency) });
  compliance(`memory, ${latency} ms`, async (options) =>
    memory(network, { ...options, self: peerIdFromPublicKey(random.bytes(32)) }),
  );
}

const random = seededRandom(2, "memory network");
const none = { head: new Uint8Array(0), body: new Uint8Array(0) };

/** Two members, one of which answers "/hang" with one part and then nothing. */
async function pair(lostAfter: number) {
  const network = memoryNetwork({ lostAfter });
  const enter = () => memory(network, { self: peerIdFromPublicKey(random.bytes(32)) });
  const [a, b] = [enter(), enter()];
  const signal = new AbortController().signal;
  b.serve(
    "/hang",
    async function* (_, asker) {
      yield none;
      await new Promise((resolve) => asker.signal.addEventListener("abort", resolve));
    },
    { signal },
  );
  const parts = a.request(b.self, "/hang", none, { signal })[Symbol.asyncIterator]();
  await parts.next();
  return { network, a, b, parts };
}

test("a killed member says nothing, and is missed after lostAfter", async () => {
  const { network, a, b, parts } = await pair(40);
  const began = performance.now();
  network.kill(b.self);
  expect(a.neighbours()).toHaveLength(1);
  await expect(parts.next()).rejects.toMatchObject({ code: "MESH_PEER_LOST" });
  expect(performance.now() - began).toBeGreaterThanOrEqual(35);
  expect(a.neighbours()).toEqual([]);
  expect(network.peers()).toEqual([a.self]);
  await a.close();
});

test("a cut way parts both ends, and a mended one joins them again", async () => {
  const { network, a, b, parts } = await pair(5);
  network.cut(a.self, b.self);
  await expect(parts.next()).rejects.toMatchObject({ code: "MESH_PEER_LOST" });
  expect([a.neighbours(), b.neighbours()]).toEqual([[], []]);
  network.mend(a.self, b.self);
  const again = a.request(b.self, "/hang", none, { signal: new AbortController().signal });
  for await (const _ of again) break;
  expect(a.neighbours()).toHaveLength(1);
  await Promise.all([a.close(), b.close()]);
  expect(network.peers()).toEqual([]);
});
