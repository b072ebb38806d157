import { createRequire } from "node:module";
import { BrowserError } from "./errors.ts";
import { installed, isFile } from "./places.js";

/** Which browser to use: TABCAST_CHROMIUM, the system's Chromium or Chrome, or the one that Playwright keeps. Throws BROWSER_MISSING. */
export function findChromium(
  env: Readonly<Record<string, string | undefined>> = process.env,
  platform: string = process.platform,
): string {
  const chosen = env.TABCAST_CHROMIUM;
  if (chosen !== undefined && chosen !== "") {
    if (isFile(chosen)) return chosen;
    throw missing(chosen, `TABCAST_CHROMIUM is ${chosen}, and no Chromium is there`);
  }
  const found = installed(env, platform);
  if (found !== undefined) return found;
  // Loading Playwright takes a moment, so it is asked last.
  const { chromium } = createRequire(import.meta.url)("playwright-core") as {
    chromium: { executablePath(): string };
  };
  const kept = chromium.executablePath();
  if (isFile(kept)) return kept;
  throw missing(kept, "no Chromium is at any of the usual places");
}

function missing(path: string, why: string): BrowserError {
  return new BrowserError(
    { code: "BROWSER_MISSING", path },
    `${why}; set TABCAST_CHROMIUM to the path of Chrome or Chromium`,
  );
}
