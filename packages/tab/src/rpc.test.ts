import { type Clock, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { network } from "../test/stage.ts";
import type { Bag } from "./bag.ts";
import type { Identity } from "./identity.ts";
import { openRpc } from "./rpc.ts";

const hash = `0x${"07".repeat(32)}` as const;
const from = `0x${"ab".repeat(20)}`;

/** A tab's rpc whose server answers this to everything. */
const answering = (result: unknown) => {
  const clock: Clock = systemClock;
  const outside = { clock, fetch: async () => Response.json({ result }) };
  const bag = { outside, signal: new AbortController().signal } as unknown as Bag;
  const config = async () => network;
  return openRpc(bag, { config } as unknown as Identity);
};

test("who sent a transaction is told with the function that was called", async () => {
  const rpc = answering({ from, input: "0x587a61f6deadbeef", hash });
  expect(await rpc.sent(hash)).toEqual({ from, call: "0x587a61f6" });
});

test.each([
  ["a transaction that the server does not know", null],
  ["an answer without a sender", { input: "0x" }],
  ["a sender that is no address", { from: "0x12", input: "0x" }],
  ["a call that is no bytes", { from, input: "hello" }],
  ["an answer of another kind", "0x1"],
])("%s tells nothing", async (_, result) => {
  expect(await answering(result).sent(hash)).toBeUndefined();
});
