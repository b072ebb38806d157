import { expect, test } from "vitest";
import { findWork, workOf } from "./work.ts";

const payload = Uint8Array.of(1, 2, 3);
const { signal } = new AbortController();

test("work that was found is shown by the payload and its nonce", async () => {
  const nonce = await findWork(payload, 6, { signal });
  expect(nonce).toBeLessThan(128);
  expect(await workOf(Uint8Array.of(...payload, 7 << 3, nonce))).toBeGreaterThanOrEqual(6);
});

test("whoever looks for work lets the rest of its tab have a turn before each 64 tries", async () => {
  let turns = 0;
  const turn = async () => void turns++;
  const nonce = await findWork(payload, 10, { signal, turn });
  expect(nonce).toBeGreaterThan(64);
  expect(turns).toBe(Math.ceil(nonce / 64));
});

test("a search for work ends with its signal", async () => {
  const stop = new AbortController();
  const turn = async () => stop.abort(new Error("nobody wants it"));
  await expect(findWork(payload, 64, { signal: stop.signal, turn })).rejects.toThrow(
    "nobody wants it",
  );
});
