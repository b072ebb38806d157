import type { Chromium, DrivenPage } from "@tabcast/driver";
import type { Page } from "playwright-core";
import type { Headless, Told } from "./headless.ts";
import type { Plain } from "./report.ts";

/** A page of the network that the command drives. */
export interface Tab {
  readonly name: string;
  readonly page: Page;
  /** Calls one of the page's verbs. Throws PAGE_FAILED with the page's own message, or PAGE_GONE. */
  call<Verb extends keyof Headless>(
    verb: Verb,
    ...args: Parameters<Headless[Verb]>
  ): Promise<Awaited<ReturnType<Headless[Verb]>>>;
  /** Says goodbye, then closes. May be called twice. */
  close(): Promise<void>;
}

export interface OpenTab {
  readonly name: string;
  /** Where the network's pages are, without a slash at the end. */
  readonly origin: string;
  /** Awaited by the page. */
  readonly on: (told: Plain<Told>) => void | Promise<void>;
  /** The page threw outside any call, or is gone. */
  readonly broken: (message: string, over: boolean) => void;
}

/** Opens /headless.html in a page with storage, and so an identity, of its own. Throws BrowserError. */
export async function openTab(
  chromium: Chromium,
  { name, origin, on, broken }: OpenTab,
): Promise<Tab> {
  const driven = await chromium.open({
    name,
    url: `${origin}/headless.html`,
    ready: "tabcast",
    bindings: { tabcastTell: (text) => on(JSON.parse(text) as Plain<Told>) },
    broken: ({ message, over }) => broken(message, over),
    ...(process.env.TABCAST_DEBUG
      ? { line: ({ text }) => void process.stderr.write(`[${name}] ${text}\n`) }
      : {}),
  });
  return tabOf(driven);
}

function tabOf(driven: DrivenPage): Tab {
  const call: Tab["call"] = async (verb, ...args) =>
    (await driven.call("tabcast", verb, args)) as never;
  return {
    name: driven.name,
    page: driven.page,
    call,
    close: () => driven.close(() => call("close")),
  };
}
