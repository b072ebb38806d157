import { secureRandom, toHex } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { openAwardIds } from "./award-ids.ts";

const offer = (id: number) => new Uint8Array(16).fill(id % 256).fill(id >> 8, 0, 1);

test("a bid that is sent again has the same award id, and one after the award was taken has another", () => {
  const ids = openAwardIds({ random: secureRandom });
  expect(ids.of(offer(1))).toBeUndefined();
  const first = ids.draw(offer(1));
  expect(first).toHaveLength(16);
  expect(ids.draw(offer(1))).toEqual(first);
  expect(ids.of(offer(1))).toEqual(first);
  ids.taken(offer(1));
  expect(ids.of(offer(1))).toBeUndefined();
  expect(ids.draw(offer(1))).not.toEqual(first);
});

test("a tab that starts again draws other award ids for the same offers", () => {
  const [before, after] = [
    openAwardIds({ random: secureRandom }),
    openAwardIds({ random: secureRandom }),
  ];
  expect(after.draw(offer(1))).not.toEqual(before.draw(offer(1)));
});

test("a worker remembers 256 award ids, all different, and refuses the oldest from then on", () => {
  const ids = openAwardIds({ random: secureRandom });
  const all = Array.from({ length: 257 }, (_, id) => toHex(ids.draw(offer(id))));
  expect(new Set(all).size).toBe(257);
  expect(ids.of(offer(0))).toBeUndefined();
  expect(ids.of(offer(1))).toBeDefined();
});
