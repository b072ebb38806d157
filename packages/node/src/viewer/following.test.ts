import type { Entry } from "@tabcast/protocol";
import { expect, test } from "vitest";
import { emptyManifest, entered } from "../manifest.ts";
import { firstMissed } from "./following.ts";

const nothing = new Uint8Array(0);
const from = (seq: number) =>
  entered(emptyManifest, { message: { seq } as Entry, sealed: nothing });

test("a viewer asks for the newest eight entries of a stream under way, and never for one before the first", () => {
  expect(firstMissed(emptyManifest, { newest: 100, ended: false })).toBe(92);
  expect(firstMissed(emptyManifest, { newest: 3, ended: false })).toBe(0);
});

test("a viewer asks for all that is kept of a stream that is over", () => {
  expect(firstMissed(emptyManifest, { newest: 100, ended: true })).toBe(0);
  expect(firstMissed(emptyManifest, { newest: 2_000, ended: true })).toBe(200);
});

test("a viewer asks for what follows on the entries that it knows", () => {
  expect(firstMissed(from(40), { newest: 100, ended: false })).toBe(41);
  expect(firstMissed(from(40), { newest: 100, ended: true })).toBe(41);
});
