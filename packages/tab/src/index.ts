/** What a page shows of a tab: values to follow. */

/** Going on air. */
export type { BroadcastStart, TabBroadcaster } from "./broadcast.ts";
export { type Cell, cell, type Store } from "./cell.ts";
export { TabError } from "./errors.ts";
/** The tab among its peers. */
export type { Joined, PeerState, Visiting } from "./identity.ts";
/** Money on its way home. */
export type { LostPot } from "./lost.ts";
export type { CheckEvent } from "./measuring.ts";
/** What stands in for the browser, in tests. */
export type { Media, Money, Outside } from "./outside.ts";
export type { Who } from "./purses.ts";
/** What a person can set. */
export type { HiringSettings, WorkerSettings } from "./settings/index.ts";
export type { History, Settling, Takings } from "./settle.ts";
/** One tab, put together. */
export { openTab, type Tab, type TabOptions } from "./tab.ts";
export type { Sample } from "./traffic.ts";
export type { OnTheAir, TabViewer, WatchOptions } from "./viewer.ts";
/** Working. */
export type { WatchtowerEvent, WatchtowerNews } from "./watchtower.ts";
export type { TabWorker, TabWorkerEvent, WorkerStart, WorkerStarted } from "./worker.ts";
