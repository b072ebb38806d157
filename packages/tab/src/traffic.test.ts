import { type Message, memory, memoryNetwork, peerIdFromPublicKey } from "@tabcast/mesh";
import { Bytes } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { counted, meter } from "./traffic.ts";

/** Unix milliseconds. */
const NOW = 1_800_000_000_000;

test("seconds without traffic are zero, and older ones than two minutes are forgotten", () => {
  let now = 1_000_000;
  const one = meter(now, () => now);
  one.count("sent", 5);
  now += 2_000;
  one.count("received", 7);
  one.count("received", 1);
  now += 1_000;
  expect(one.samples(now)).toEqual([
    { at: 1_000, received: 0, sent: 5 },
    { at: 1_001, received: 0, sent: 0 },
    { at: 1_002, received: 8, sent: 0 },
  ]);
  now += 600_000;
  const later = one.samples(now);
  expect(later).toHaveLength(120);
  expect(later.every(({ received, sent }) => received + sent === 0)).toBe(true);
});

test("what one tab sends the other receives, to the byte", async () => {
  const { signal } = new AbortController();
  const [left, right] = [meter(NOW, () => NOW), meter(NOW, () => NOW)];
  const network = memoryNetwork();
  const peer = (fill: number) => peerIdFromPublicKey(new Uint8Array(32).fill(fill));
  const a = counted(memory(network, { self: peer(1) }), left);
  const b = counted(memory(network, { self: peer(2) }), right);
  b.serve(
    "/echo",
    async function* ({ body }, { following }) {
      yield { head: new Uint8Array(1), body };
      for await (const _ of following);
      yield { head: new Uint8Array(1), body };
    },
    { signal, maxFollowing: Bytes.of(10_000) },
  );
  async function* following() {
    yield { head: new Uint8Array(2), body: new Uint8Array(500) };
  }
  const message: Message = { head: new Uint8Array(3), body: new Uint8Array(1_000) };
  for await (const _ of a.request(b.self, "/echo", message, { signal, following: following() }));
  const sum = (one: typeof left, key: "sent" | "received") =>
    one.samples(NOW + 2_000).reduce((total, sample) => total + sample[key], 0);
  expect([sum(left, "sent"), sum(left, "received")]).toEqual([1_505, 2_002]);
  expect([sum(right, "sent"), sum(right, "received")]).toEqual([2_002, 1_505]);
  await a.close();
  await b.close();
});
