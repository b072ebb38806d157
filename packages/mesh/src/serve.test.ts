import type { Connection, Libp2p, Stream, StreamHandler } from "@libp2p/interface";
import { systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { server } from "./serve.ts";
import { openTurns } from "./turns.ts";

/** A protocol that is answered over relays too, and what streams of it count as requests on their connection. */
function limitedProtocol() {
  let handler: StreamHandler | undefined;
  const counted: Stream[] = [];
  const { signal } = new AbortController();
  const node: Pick<Libp2p, "handle" | "unhandle"> = {
    async handle(_, given) {
      handler = given;
    },
    async unhandle() {},
  };
  const opened = (stream: Stream) => void counted.push(stream);
  const clock = systemClock;
  const { serve } = server(node, { clock, opened, turns: openTurns({ clock }), signal });
  serve("/restart", async function* () {}, { signal, limited: true });
  const come = (limits: Connection["limits"]) => {
    const stream = Object.assign(new EventTarget(), {
      status: "open",
      remoteWriteStatus: "writable",
    });
    const connection = { limits, remotePeer: { toString: () => "12D3KooWpeer" } };
    void handler?.(stream as unknown as Stream, connection as unknown as Connection);
    return stream;
  };
  return { counted, come };
}

test("a request through a relay does not keep its connection from making room", () => {
  const { counted, come } = limitedProtocol();
  come({ bytes: 1_000n });
  expect(counted).toEqual([]);
  const stream = come(undefined);
  expect(counted).toEqual([stream]);
});
