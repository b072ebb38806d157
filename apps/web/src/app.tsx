import { describe } from "@tabcast/runtime";
import { Component, type ReactNode, Suspense, useEffect, useState } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import { counted } from "./format.ts";
import { EarnPage, HomePage, pages, WatchPage } from "./pages.ts";
import { useStore } from "./store.ts";
import { tab } from "./tab.ts";
import { setTheme, storedTheme, type Theme } from "./theme.ts";
import { Button, buttonClass } from "./ui/button.tsx";
import { Empty, Notice, Spinner } from "./ui/parts.tsx";

/** The frame around the pages: where you are, how it looks, and whether the network is there. */
export function App() {
  useEffect(() => {
    // From the server of the pages, as they are; nobody else is asked before a page is used for something that needs others.
    void tab.config().catch(() => undefined);
  }, []);
  return (
    <div className="flex min-h-dvh flex-col">
      <a
        href="#main"
        className="sr-only rounded bg-panel px-4 py-2 focus:not-sr-only focus:absolute focus:z-10"
      >
        Skip to the page
      </a>
      <Header />
      <main id="main" className="mx-auto w-full max-w-6xl flex-1 px-4 py-6 sm:px-6 sm:py-8">
        <Rescue>
          <Suspense fallback={<Loading />}>
            <Switch>
              <Route path="/">
                <HomePage />
              </Route>
              {pages.map(({ path, Page }) => (
                <Route key={path} path={path}>
                  <Page />
                </Route>
              ))}
              <Route path="/watch/:stream">
                {({ stream }) => <WatchPage key={stream} stream={stream} />}
              </Route>
              <Route path="/earn/:stream">{({ stream }) => <EarnPage stream={stream} />}</Route>
              <Route>
                <Empty
                  title="There is no such page"
                  action={
                    <Link href="/watch" className={buttonClass("main")}>
                      See what is on air
                    </Link>
                  }
                />
              </Route>
            </Switch>
          </Suspense>
        </Rescue>
      </main>
      <Footer />
    </div>
  );
}

/** A page that cannot be loaded or drawn says so; the others, and what runs in the tab, go on. */
class Rescue extends Component<{ children: ReactNode }, { failure?: string }> {
  override state: { failure?: string } = {};

  static getDerivedStateFromError(thrown: unknown) {
    return { failure: describe(thrown) };
  }

  override render() {
    const { failure } = this.state;
    if (failure === undefined) return this.props.children;
    return (
      <Notice
        tone="bad"
        title="This page could not be shown"
        action={<Button onClick={() => location.reload()}>Reload</Button>}
      >
        {failure}
      </Notice>
    );
  }
}

function Loading() {
  return (
    <div role="status" className="flex items-center gap-3 py-16 text-muted">
      <Spinner /> Loading the page
    </div>
  );
}

function Header() {
  const [path] = useLocation();
  const here = pages.find((page) => path.startsWith(page.path));
  useEffect(() => {
    document.title = here === undefined ? "Tabcast" : `${here.name} · Tabcast`;
  }, [here]);
  const earning = useStore(tab.earning);
  const onAir = useStore(tab.onAir);
  const busy: Record<string, string | undefined> = {
    "/earn": earning.phase === "working" ? "working" : undefined,
    "/broadcast": onAir.phase === "live" ? "on air" : undefined,
  };
  return (
    <header className="overflow-x-clip border-b border-line bg-panel">
      <div className="mx-auto flex max-w-6xl flex-wrap items-center justify-between gap-x-6 px-4 sm:px-6">
        <Link
          href="/"
          aria-label="Tabcast, home"
          className="flex min-h-14 items-center gap-2 rounded text-lg font-semibold tracking-tight"
        >
          <svg viewBox="0 0 24 24" className="size-6 text-accent" aria-hidden="true">
            <path
              d="M5 18v-4M10 18v-7M15 18V8M20 18V5"
              stroke="currentColor"
              strokeWidth="2.6"
              strokeLinecap="round"
            />
          </svg>
          Tabcast
        </Link>
        <ThemeSwitch />
        <nav
          aria-label="Pages"
          className="order-last -mx-4 basis-[calc(100%+2rem)] border-t border-line px-2 sm:order-none sm:mx-0 sm:grow sm:basis-auto sm:border-0 sm:px-0"
        >
          <ul className="grid auto-cols-fr grid-flow-col sm:flex sm:gap-1">
            {pages.map(({ path: to, name }) => {
              const current = here?.path === to;
              return (
                <li key={to}>
                  <Link
                    href={to}
                    aria-current={current ? "page" : undefined}
                    className={`relative flex min-h-12 items-center justify-center rounded px-2 text-[0.9375rem] sm:min-h-14 sm:px-3 ${current ? "font-semibold text-ink" : "text-muted hover:text-ink"}`}
                  >
                    {name}
                    {busy[to] !== undefined && (
                      <>
                        <span className="ml-1.5 size-2 rounded-full bg-accent" aria-hidden="true" />
                        <span className="sr-only"> ({busy[to]})</span>
                      </>
                    )}
                    {current && (
                      <span
                        aria-hidden="true"
                        className="absolute inset-x-2 bottom-0 h-0.5 rounded-full bg-accent sm:inset-x-3"
                      />
                    )}
                  </Link>
                </li>
              );
            })}
          </ul>
        </nav>
      </div>
    </header>
  );
}

function ThemeSwitch() {
  const [theme, choose] = useState<Theme>(storedTheme);
  return (
    <label className="order-2 flex items-center sm:order-last">
      <span className="sr-only">Theme</span>
      <select
        aria-label="Theme"
        value={theme}
        onChange={(event) => {
          const next = event.target.value as Theme;
          setTheme(next);
          choose(next);
        }}
        className="min-h-10 rounded-lg border border-transparent bg-transparent px-2 text-sm text-muted hover:border-line hover:text-ink"
      >
        <option value="system">System theme</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  );
}

function Footer() {
  const { phase, neighbours, trouble } = useStore(tab.state);
  const relays = neighbours.filter((one) => one.via === "websocket").length;
  const direct = neighbours.filter((one) => one.via === "webrtc").length;
  const text =
    phase === "failed"
      ? `Not connected: ${trouble ?? "unknown reason"}. Trying again`
      : phase === "away"
        ? "Not connected: nothing has been wanted of the network yet"
        : phase === "joining"
          ? "Joining the network"
          : relays === 0 && direct === 0
            ? "No relay answers yet. Trying again."
            : `Connected to ${counted(relays, "relay")} and ${counted(direct, "peer")}`;
  return (
    <footer className="border-t border-line">
      <div className="mx-auto flex max-w-6xl flex-wrap justify-between gap-x-6 gap-y-1 px-4 py-4 text-sm text-muted sm:px-6">
        <output aria-label="Network state" aria-live="off" className="min-w-0 break-words">
          {text}
        </output>
        <Link href="/network" className="rounded underline underline-offset-2 hover:text-ink">
          Details
        </Link>
      </div>
    </footer>
  );
}
