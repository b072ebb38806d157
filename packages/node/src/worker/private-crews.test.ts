import { keyText } from "@tabcast/protocol";
import { expect, test } from "vitest";
import { openPrivateCrews } from "./private-crews.ts";

const key = keyText(new Uint8Array(32).fill(3));
const id = (number: number) => number.toString(16).padStart(64, "0");

test("a worker takes sixteen crew links, and another key for a stream that it has joined", async () => {
  const tokens: Uint8Array[] = [];
  const crews = openPrivateCrews((token) => tokens.push(token));
  const told: string[] = [];
  crews.join({ stream: id(0), key });
  crews.each((stream) => told.push(stream));
  for (let i = 1; i < 16; i++) crews.join({ stream: id(i), key });
  expect(told).toEqual(Array.from({ length: 16 }, (_, i) => id(i)));
  expect(() => crews.join({ stream: id(16), key })).toThrow(
    expect.objectContaining({ code: "WORKER_CREW_LINK" }),
  );
  const first = await crews.ready(id(3));
  crews.join({ stream: id(3), key: keyText(new Uint8Array(32).fill(4)) });
  const second = await crews.ready(id(3));
  expect(crews.keys(id(3))).toBe(second);
  expect(second?.token).not.toEqual(first?.token);
  expect(tokens).toContainEqual(second?.token);
  expect(told).toHaveLength(16);
  expect(await crews.ready(id(16))).toBeUndefined();
});

test.each([
  ["of no stream", { stream: "abc", key }, "WORKER_CREW_LINK"],
  ["of a stream in capitals", { stream: "A".repeat(64), key }, "WORKER_CREW_LINK"],
  ["cut short", { stream: id(1), key: key.slice(0, 20) }, "PROTOCOL_KEY"],
  ["without a key", { stream: id(1), key: "" }, "PROTOCOL_KEY"],
])("a crew link %s is refused, and its key not repeated", (_, link, code) => {
  const crews = openPrivateCrews(() => {});
  let thrown: unknown;
  try {
    crews.join(link);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code });
  expect(String(thrown)).not.toContain(key.slice(0, 8));
  expect(crews.has(link.stream)).toBe(false);
});
