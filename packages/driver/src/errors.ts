import { CodedError } from "@tabcast/runtime";

/** There is no browser to run pages in, it did not start, or a page of it failed or died. */
export class BrowserError extends CodedError<
  | { code: "BROWSER_MISSING"; path: string }
  | { code: "BROWSER_FAILED"; path: string }
  | { code: "PAGE_FAILED"; page: string }
  /** The page's renderer, or the whole browser, ended; nothing can be asked of the page again. */
  | { code: "PAGE_GONE"; page: string }
> {}
