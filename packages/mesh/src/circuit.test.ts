import { peerIdFromString } from "@libp2p/peer-id";
import fc from "fast-check";
import { expect, test } from "vitest";
import { accepted, callerOf, connectTo, OK, statusOf } from "./circuit.ts";
import { peerIdFromPublicKey } from "./peer-id.ts";

const id = peerIdFromString(peerIdFromPublicKey(new Uint8Array(32).fill(7))).toMultihash().bytes;
const call = (type: number, peer: Uint8Array) =>
  Uint8Array.of(0x08, type, 0x12, peer.byteLength + 2, 0x0a, peer.byteLength, ...peer);

test("a call to a peer is what the relays' protocol says, with its length before it", () => {
  expect([...connectTo(id)]).toEqual([id.byteLength + 6, ...call(1, id)]);
  expect([...accepted()]).toEqual([4, 0x08, 1, 0x20, OK]);
});

test("of a relay's call the caller is read, whatever else it says", () => {
  const limit = [0x1a, 5, 0x08, 60, 0x10, 0x80, 0x10];
  expect(callerOf(Uint8Array.of(...call(0, id), ...limit))).toEqual(id);
  expect(callerOf(call(1, id))).toBeUndefined();
  expect(callerOf(Uint8Array.of(0x08, 0))).toBeUndefined();
});

test("a relay's answer has its status", () => {
  expect(statusOf(Uint8Array.of(0x08, 2, 0x28, 204, 1))).toBe(204);
  expect(statusOf(Uint8Array.of(0x08, 2))).toBeUndefined();
});

test("rubbish is refused or says nothing", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      for (const read of [callerOf, statusOf])
        try {
          read(bytes);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(RangeError);
        }
    }),
  );
});
