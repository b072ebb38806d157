import { Screen } from "@tabcast/market";
import { expect, test } from "vitest";
import { parseHiringSettings, screenOf } from "./hiring.ts";
import { makeCrewToken } from "./names.ts";

const peer = `12D3KooW${"x".repeat(44)}`;

test("without settings anybody may be hired", () => {
  expect(screenOf(parseHiringSettings({}))).toEqual(Screen.open);
});

test("tags, lists and a private crew reach the market, addresses in lower case as bids have them", () => {
  const crew = makeCrewToken();
  const read = parseHiringSettings({
    tags: ["eu"],
    allow: [`0x${"AB".repeat(20)}`],
    deny: [peer],
    crew,
  });
  expect(screenOf(read)).toEqual({
    need: ["eu"],
    allow: [`0x${"ab".repeat(20)}`],
    deny: [peer],
    token: new TextEncoder().encode(crew),
  });
  expect(parseHiringSettings(JSON.parse(JSON.stringify(read)))).toEqual(read);
});

test("a made token is one that may be used, and not made twice", () => {
  expect(makeCrewToken()).toMatch(/^[0-9a-f]{32}$/);
  expect(makeCrewToken()).not.toBe(makeCrewToken());
  expect(makeCrewToken({ bytes: () => new Uint8Array([1, 255]) })).toBe("01ff");
});

test.each<[string, unknown, string]>([
  ["tags", { tags: Array.from({ length: 9 }, (_, i) => `t${i}`) }, "at most 8"],
  ["allow", { allow: ["ab".repeat(32)] }, "a worker's peer id"],
  ["deny", { deny: Array(257).fill(peer) }, "at most 256"],
  ["crew", { crew: "short" }, "16 to 128 letters"],
  ["hiring settings", { crews: [] }, 'got "crews"'],
])("a wrong %s is refused: %j", (field, value, said) => {
  expect(() => parseHiringSettings(value)).toThrow(
    expect.objectContaining({ reason: { code: "SETTINGS_BAD", field } }),
  );
  expect(() => parseHiringSettings(value)).toThrow(said);
});
