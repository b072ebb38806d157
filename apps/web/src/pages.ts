import { type ComponentType, lazy } from "react";

/** Loaded when it is first opened, like every page. */
export const WatchPage = lazy(() => import("./pages/watch.tsx"));

/** Where people arrive; it is in no navigation but the name above it. */
export const HomePage = lazy(() => import("./pages/home.tsx"));

/** The same, for a crew link's stream. */
export const EarnPage = lazy(() => import("./pages/earn.tsx"));

/** A page of its own: where it is, and what the navigation and the window's title call it. */
interface Listed {
  readonly path: `/${string}`;
  readonly name: string;
  readonly Page: ComponentType;
}

/** Every page, in the order of the navigation: a new one is its file and a line here. */
export const pages: readonly Listed[] = [
  { path: "/watch", name: "Watch", Page: WatchPage },
  { path: "/earn", name: "Earn", Page: EarnPage },
  { path: "/broadcast", name: "Broadcast", Page: lazy(() => import("./pages/broadcast.tsx")) },
  { path: "/network", name: "Network", Page: lazy(() => import("./pages/network.tsx")) },
];
