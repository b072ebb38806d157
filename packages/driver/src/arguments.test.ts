import { expect, test } from "vitest";
import { chromiumArguments } from "./arguments.ts";

test("the arguments for Chromium keep pages that nobody looks at awake", () => {
  for (const flag of ["background-timer-throttling", "renderer-backgrounding"])
    expect(chromiumArguments()).toContain(`--disable-${flag}`);
});

test("the arguments for Chromium grant pretended devices unless the caller wants people's own questions", () => {
  const asks = "--use-fake-ui-for-media-stream";
  expect(chromiumArguments()).toContain(asks);
  expect(chromiumArguments({ devices: false })).not.toContain(asks);
});

test("the arguments for Chromium make one list of the features that several arguments switch, because Chromium obeys the last alone", () => {
  const more = ["--enable-features=A,B", "--disable-features=C", "--enable-features=D"];
  const all = chromiumArguments({ more });
  expect(all.filter((word) => word.includes("-features="))).toEqual([
    "--enable-features=A,B,D",
    "--disable-features=C",
  ]);
});

test("the arguments for Chromium may not hold a word that it would open as an address", () => {
  for (const word of ["about:blank", "-x", "", "--"])
    expect(() => chromiumArguments({ more: [word] })).toThrow(`got "${word}"`);
});
