import { statSync } from "node:fs";
import { CodedError } from "@tabcast/runtime";

/** There is no browser to run pages in, it did not start, or a page of it broke. */
export class BrowserError extends CodedError<
  /** There is no browser at `path`. Do: set TABCAST_CHROMIUM to the path of Chrome or Chromium. */
  | { code: "BROWSER_MISSING"; path: string }
  /** The browser did not start. Do: start it by hand to see why; install its libraries. */
  | { code: "BROWSER_FAILED"; path: string }
  /** A page of the browser broke. Do: see its console with TABCAST_DEBUG=1. */
  | { code: "PAGE_FAILED"; tab: string }
> {}

/** The browser to use: TABCAST_CHROMIUM, or Debian's. Throws BROWSER_MISSING. */
export function chromiumPath(env: Readonly<Record<string, string | undefined>>): string {
  const path = env.TABCAST_CHROMIUM || "/usr/bin/chromium";
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true)
    throw new BrowserError(
      { code: "BROWSER_MISSING", path },
      `no Chromium at ${path}; set TABCAST_CHROMIUM to the path of Chrome or Chromium`,
    );
  return path;
}
