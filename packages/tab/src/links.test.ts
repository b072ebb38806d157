import { expect, test } from "vitest";
import { crewLink, parseCrewLink, watchLink } from "./links.ts";

const stream = "0123456789abcdef".repeat(4);
const key = `${"aB3-_".repeat(9).slice(0, 42)}A`;
const origin = "https://tabcast.example";

test("a crew link says its stream and its key, wherever it was copied from", () => {
  const link = crewLink(origin, { stream, key });
  expect(link).toBe(`${origin}/earn/${stream}#${key}`);
  for (const text of [link, `  ${link}\n`, `http://localhost:4800/earn/${stream}#${key}`])
    expect(parseCrewLink(text)).toEqual({ stream, key });
  expect(parseCrewLink(link.replace(stream, stream.toUpperCase()))).toEqual({ stream, key });
});

test("a private stream's key stands after the # of its link, where no server sees it", () => {
  const url = new URL(watchLink(origin, stream, key));
  expect(url.hash).toBe(`#${key}`);
  expect(`${url.pathname}${url.search}`).toBe(`/watch/${stream}`);
  expect(watchLink(origin, stream)).toBe(`${origin}/watch/${stream}`);
});

test.each([
  ["nothing", "", "no crew link"],
  ["another page", `${origin}/network`, "no crew link"],
  ["a viewer's link", watchLink(origin, stream, key), "for viewers"],
  ["a stream's id cut short", `${origin}/earn/${stream.slice(0, 60)}`, "here there are 60"],
  ["a link cut at its #", `${origin}/earn/${stream}`, "ends before its key"],
  ["a link cut after its #", `${origin}/earn/${stream}#`, "ends before its key"],
  ["a key cut short", `${origin}/earn/${stream}#${key.slice(0, 40)}`, "here there are 40"],
  ["a key that is too long", `${origin}/earn/${stream}#${key}a`, "here there are 44"],
  [
    "a key whose last character is another",
    `${origin}/earn/${stream}#${key.slice(0, 42)}B`,
    "a character of it was changed",
  ],
  ["a key with other characters", `${origin}/earn/${stream}#${key.slice(0, 42)}%`, "or others"],
])("%s is refused in a sentence, which does not repeat a key", (_, text, sentence) => {
  let thrown: unknown;
  try {
    parseCrewLink(text);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code: "LINK_BAD", message: expect.stringContaining(sentence) });
  expect(String(thrown)).not.toContain(key.slice(0, 10));
});
