import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { findChromium } from "./find.ts";
import { installed, usualPlaces } from "./places.js";

const folder = mkdtempSync(join(tmpdir(), "tabcast-find-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const program = (name: string): string => {
  const path = join(folder, name);
  writeFileSync(path, "#!/bin/sh\n");
  chmodSync(path, 0o755);
  return path;
};

test("TABCAST_CHROMIUM goes before every other place", () => {
  const path = program("mine");
  expect(findChromium({ TABCAST_CHROMIUM: path, PATH: "" })).toBe(path);
});

test("a TABCAST_CHROMIUM that names no file is refused, with its path and what to do", () => {
  expect(() => findChromium({ TABCAST_CHROMIUM: "/nowhere/chromium" })).toThrow(
    expect.objectContaining({
      reason: { code: "BROWSER_MISSING", path: "/nowhere/chromium" },
      message: expect.stringMatching(/\/nowhere\/chromium.*set TABCAST_CHROMIUM/),
    }),
  );
  expect(() => findChromium({ TABCAST_CHROMIUM: folder })).toThrow(folder);
});

test("Chrome on the PATH is found when no Chromium is installed", () => {
  const path = program("google-chrome");
  const [debians, ...names] = usualPlaces("linux", {});
  expect(debians).toBe("/usr/bin/chromium");
  expect(names.indexOf("chromium")).toBeLessThan(names.indexOf("google-chrome"));
  const there = installed({ PATH: folder }, "linux");
  // Debian's own goes first where this machine has it.
  expect([debians, path]).toContain(there);
  expect(installed({ HOME: folder }, "darwin")).toBeUndefined();
});

test("Chrome is looked for where Windows and macOS put it", () => {
  expect(usualPlaces("win32", { PROGRAMFILES: "C:/Programs" }).join()).toContain("chrome.exe");
  expect(usualPlaces("darwin", { HOME: "/Users/ann" }).join()).toContain(
    "/Users/ann/Applications/Google Chrome.app",
  );
});
