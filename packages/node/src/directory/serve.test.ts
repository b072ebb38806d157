import type { Mesh } from "@tabcast/mesh";
import { LiveReply, LiveRequest } from "@tabcast/protocol";
import { type Clock, Millis, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { serveDirectory } from "./serve.ts";

/** A directory's relay: who asks it, and how many of so many questions are answered. */
function relay() {
  let now = 0;
  const clock: Clock = { ...systemClock, now: () => Millis.of(now) };
  let handler: Parameters<Mesh["serve"]>[1] | undefined;
  const serve: Mesh["serve"] = (_, given) => {
    handler = given;
  };
  const hearing = { serve, hear: () => {}, groupOf: (peer: string) => peer.split("@")[1] ?? peer };
  serveDirectory(hearing, { clock, signal: new AbortController().signal });
  const head = LiveRequest.encode({ streams: [], from: 0, most: 32 });
  async function answered(peer: string, questions: number): Promise<number> {
    let count = 0;
    for (let n = 0; n < questions; n++)
      try {
        const asker = { peer, signal: new AbortController().signal } as never;
        for await (const part of handler?.({ head, body: new Uint8Array() }, asker) ?? []) {
          LiveReply.decode(part.head);
          count++;
        }
      } catch {
        // It is refused.
      }
    return count;
  }
  const pass = (ms: number) => {
    now += ms;
  };
  return { answered, pass };
}

test("a peer that asks for pages without end gets sixteen and then four a second, and others theirs", async () => {
  const { answered, pass } = relay();
  expect(await answered("greedy", 1_000)).toBe(16);
  expect(await answered("modest", 3)).toBe(3);
  pass(2_000);
  expect(await answered("greedy", 1_000)).toBe(8);
});

test("peers of one address get two hundred and fifty-six pages and then sixty-four a second, and others theirs", async () => {
  const { answered, pass } = relay();
  const all = async () => {
    let count = 0;
    for (let n = 0; n < 100; n++) count += await answered(`sybil${n}@address`, 16);
    return count;
  };
  expect(await all()).toBe(256);
  expect(await answered("modest@elsewhere", 3)).toBe(3);
  pass(1_000);
  expect(await all()).toBe(64);
});
