import type { Connection, Stream } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { seededRandom } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { OK } from "./circuit.ts";
import { peerIdFromPublicKey } from "./peer-id.ts";
import { probesOf } from "./probe.ts";

const random = seededRandom(4, "probes");
const someone = () => peerIdFromString(peerIdFromPublicKey(random.bytes(32)));
const self = someone();
const relay = someone();
const never = new AbortController().signal;
const quick = { random, heard: () => {}, signal: never };

/** A stream that a test speaks into: what was sent, and whether it was reset. */
function stream() {
  const events = new EventTarget();
  const sent: Uint8Array[] = [];
  const kept: Uint8Array[] = [];
  const one = {
    status: "open",
    addEventListener: events.addEventListener.bind(events),
    send: (bytes: Uint8Array) => sent.push(bytes),
    unshift: (bytes: Uint8Array) => kept.push(bytes),
    abort() {
      one.status = "aborted";
    },
  };
  const hear = (...bytes: readonly number[]) =>
    events.dispatchEvent(
      Object.assign(new Event("message"), { data: { subarray: () => Uint8Array.of(...bytes) } }),
    );
  const end = () => events.dispatchEvent(new Event("close"));
  return { one: one as unknown as Stream & typeof one, sent, kept, hear, end };
}

const status = (code: number) => [5, 0x08, 2, 0x28, (code & 127) | 128, code >> 7];
const callOf = (peer: typeof self) => {
  const id = peer.toMultihash().bytes;
  return [id.byteLength + 6, 0x08, 0, 0x12, id.byteLength + 2, 0x0a, id.byteLength, ...id];
};
const settled = () => new Promise((resolve) => setTimeout(resolve));

/** A probe under way, once the relay has been asked for the way. */
async function probing({ now = 0, fresh = false } = {}) {
  const hop = stream();
  const probes = probesOf(self);
  let opened = 0;
  const connection = {
    remotePeer: relay,
    newStream: async () => {
      opened++;
      return hop.one;
    },
  } as unknown as Connection;
  const send = (more: { now: number; fresh: boolean }) => {
    const probed = probes.send(connection, { ...quick, ...more });
    probed.catch(() => {});
    return probed;
  };
  const probed = send({ now, fresh });
  await settled();
  return { probes, probed, hop, send, opened: () => opened };
}

test("a probe has come back when its own number has, through the relay that it was sent to", async () => {
  const { probes, probed, hop } = await probing();
  hop.hear(...status(OK));
  await settled();
  const number = hop.sent[1] ?? new Uint8Array(0);
  expect(number).toHaveLength(32);
  let done = false;
  void probed.then(() => {
    done = true;
  });
  for (const [from, bytes] of [
    [relay, new Uint8Array(32)],
    [someone(), number],
  ] as const) {
    const stop = stream();
    const taken = probes.take(stop.one, from.toString(), never);
    stop.hear(...callOf(self), ...bytes);
    expect(await taken).toBe(true);
    await settled();
    expect(done).toBe(false);
  }
  const stop = stream();
  const taken = probes.take(stop.one, relay.toString(), never);
  stop.hear(...callOf(self));
  stop.hear(...number);
  expect(await taken).toBe(true);
  expect(await probed).toBe("came back");
});

test("a way is used for twenty-four seconds, unless a probe wants a fresh one or the way has ended", async () => {
  const { probes, probed, hop, send, opened } = await probing();
  const stop = stream();
  const taken = probes.take(stop.one, relay.toString(), never);
  const bring = async () => {
    await settled();
    stop.hear(...(hop.sent.at(-1) ?? []));
  };
  hop.hear(...status(OK));
  stop.hear(...callOf(self));
  await bring();
  expect([await probed, await taken]).toEqual(["came back", true]);
  const next = send({ now: 23_999, fresh: false });
  await bring();
  expect(await next).toBe("came back");
  expect(opened()).toBe(1);
  void send({ now: 24_000, fresh: false });
  await settled();
  expect(opened()).toBe(2);
  expect(hop.one.status).toBe("aborted");
});

test("a relay that has no slot for the tab, refuses, or ends the way is told apart from one that brings the probe back", async () => {
  for (const [code, is] of [
    [204, "no slot"],
    [203, "refused"],
  ] as const) {
    const { probed, hop } = await probing();
    hop.hear(...status(code));
    expect(await probed).toBe(is);
  }
  const { probed, hop } = await probing();
  hop.hear(...status(OK));
  await settled();
  hop.end();
  await expect(probed).rejects.toThrow("ended");
});

test("another's call is left as it came, whatever came after it", async () => {
  const { probes } = await probing();
  const stop = stream();
  const taken = probes.take(stop.one, relay.toString(), never);
  const call = callOf(someone());
  stop.hear(...call.slice(0, 5));
  stop.hear(...call.slice(5), 1, 2, 3);
  expect(await taken).toBe(false);
  expect(stop.kept.flatMap((bytes) => [...bytes])).toEqual([...call, 1, 2, 3]);
  expect(stop.one.status).toBe("open");
});

test("a call that cannot be read, or never comes whole, is reset", async () => {
  const { probes } = await probing();
  const [long, short] = [stream(), stream()];
  const tooLong = probes.take(long.one, relay.toString(), never);
  long.hear(0xff, 0xff, 3);
  expect(await tooLong).toBe(true);
  expect(long.one.status).toBe("aborted");
  const own = new AbortController();
  const cut = probes.take(short.one, relay.toString(), own.signal);
  short.hear(40, 1);
  own.abort(new Error("its time is over"));
  expect(await cut).toBe(true);
  expect(short.one.status).toBe("aborted");
});
