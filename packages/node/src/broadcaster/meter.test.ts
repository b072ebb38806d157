import { type Message, memory, memoryNetwork } from "@tabcast/mesh";
import { PROTOCOLS, peerIdOf } from "@tabcast/protocol";
import { expect, test } from "vitest";
import { openMeter } from "./meter.ts";

test("source, pulled and control bytes are counted apart, each once", async () => {
  const network = memoryNetwork();
  const [me, other] = [1, 2].map((seed) => peerIdOf(new Uint8Array(32).fill(seed))) as [
    string,
    string,
  ];
  const [asker, worker] = [memory(network, { self: me }), memory(network, { self: other })];
  const { signal } = new AbortController();
  const message = (head: number, body: number): Message => ({
    head: new Uint8Array(head),
    body: new Uint8Array(body),
  });
  for (const protocol of [PROTOCOLS.job, PROTOCOLS.get])
    worker.serve(
      protocol,
      async function* (_, { following }) {
        if (protocol === PROTOCOLS.get) return yield message(3, 500);
        for await (const part of following) void part;
        yield message(3, 0);
      },
      { signal, maxFollowing: 10_000 as never },
    );
  const meter = openMeter(asker);
  async function* parts() {
    yield message(0, 100);
    yield message(7, 0);
  }
  const drain = async (protocol: string, request: Message, following?: AsyncIterable<Message>) => {
    const options = { signal, ...(following !== undefined && { following }) };
    for await (const part of meter.mesh.request(other, protocol, request, options)) void part;
  };
  await drain(PROTOCOLS.job, message(10, 50), parts());
  await drain(PROTOCOLS.get, message(20, 0));
  await meter.mesh.publish("topic", new Uint8Array(40));
  meter.captured(150);
  expect(meter.read()).toEqual({
    captured: 150,
    sent: 150,
    pulled: 500,
    control: 10 + 7 + 3 + 20 + 3 + 40,
  });
  await asker.close();
  await worker.close();
});
