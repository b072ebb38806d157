export { type ArgumentOptions, chromiumArguments } from "./arguments.ts";
export { BrowserError } from "./errors.ts";
export { findChromium } from "./find.ts";
export { type Chromium, type LaunchOptions, launchChromium } from "./launch.ts";
export {
  type Broken,
  type ConsoleLine,
  crasher,
  type DrivenPage,
  type OpenPage,
  openPage,
} from "./page.ts";
