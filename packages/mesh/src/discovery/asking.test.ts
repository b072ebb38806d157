import type { Connection } from "@libp2p/interface";
import { expect, test } from "vitest";
import { virtualClock } from "../../testing/virtual-clock.ts";
import type { Handler } from "../mesh.ts";
import { openTurns } from "../turns.ts";
import { answerPeers, askPeers } from "./asking.ts";
import type { PeersWire } from "./types.ts";

test("a peer that asks for peers all the time gets eight answers and then one a second, and others theirs", async () => {
  const { clock, pass } = virtualClock();
  const nothing = new Uint8Array(0);
  const wire = { protocol: "peers", readAsk: () => {}, answer: () => nothing };
  let handler: Handler | undefined;
  const serve = (_: string, given: Handler) => {
    handler = given;
  };
  answerPeers(serve, wire as unknown as PeersWire, {
    sample: () => ({ peers: [], relays: [], populations: new Map() }),
    clock,
    signal: new AbortController().signal,
  });
  async function answered(peer: string, questions: number): Promise<number> {
    let count = 0;
    for (let n = 0; n < questions; n++)
      try {
        const parts = handler?.({ head: nothing, body: nothing }, { peer } as never) ?? [];
        for await (const _ of parts) count++;
      } catch {
        // It is refused.
      }
    return count;
  }
  expect(await answered("greedy", 100)).toBe(8);
  expect(await answered("modest", 2)).toBe(2);
  await pass(3_000);
  expect(await answered("greedy", 100)).toBe(3);
});

test("a question leaves nothing on its asker's signal, whatever libp2p leaves on the one that it was given", async () => {
  const { clock } = virtualClock();
  const own = new AbortController();
  const left: AbortSignal[] = [];
  const connection = {
    remotePeer: { toString: () => "silent" },
    async newStream(_: string, { signal }: { readonly signal: AbortSignal }) {
      left.push(signal);
      throw new Error("no stream");
    },
  } as unknown as Connection;
  const wire = { protocol: "peers", ask: () => new Uint8Array(0) } as unknown as PeersWire;
  const waits = { turns: openTurns({ clock }), signal: own.signal };
  await expect(askPeers(connection, wire, waits)).rejects.toThrow("no stream");
  own.abort();
  expect(left.map(({ aborted }) => aborted)).toEqual([false]);
});
