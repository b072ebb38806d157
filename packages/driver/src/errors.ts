import { CodedError } from "@tabcast/runtime";

/** There is no browser to run pages in, it did not start, or a page of it failed or died. */
export class BrowserError extends CodedError<
  /** There is no browser at `path`. Do: set TABCAST_CHROMIUM to the path of Chrome or Chromium. */
  | { code: "BROWSER_MISSING"; path: string }
  /** The browser did not start. Do: start it by hand to see why; install its libraries. */
  | { code: "BROWSER_FAILED"; path: string }
  /** A page of the browser broke. Do: see its console with TABCAST_DEBUG=1. */
  | { code: "PAGE_FAILED"; page: string }
  /** The page's renderer, or the whole browser, ended; nothing can be asked of the page again. Do: open another page; see the memory of the machine. */
  | { code: "PAGE_GONE"; page: string }
> {}
