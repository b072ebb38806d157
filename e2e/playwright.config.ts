import { defineConfig } from "@playwright/test";
import { chromiumArguments } from "@tabcast/driver/arguments";
import { findChromium } from "@tabcast/driver/find";

/** Real tabs on a real network. `npm test -- e2e` builds the pages first, and so does `setup.mjs`. */
export default defineConfig({
  testDir: "scenarios",
  outputDir: "../test-results/e2e",
  globalSetup: "./setup.mjs",
  // One network and one browser at a time: a second run on the same cores would be what is measured.
  workers: 1,
  fullyParallel: false,
  retries: 0,
  forbidOnly: process.env.CI !== undefined,
  timeout: 120_000,
  globalTimeout: 15 * 60_000,
  expect: { timeout: 30_000 },
  reporter: "list",
  use: {
    actionTimeout: 30_000,
    viewport: { width: 1280, height: 800 },
    launchOptions: {
      executablePath: findChromium(),
      args: chromiumArguments({
        // Whether a page may use a camera is asked, as people are.
        devices: false,
        more: [
          // Nothing here opens a page that a renderer kept in reserve would make quicker.
          "--disable-features=SpareRendererForSitePerProcess",
          // A camera that shows a pattern.
          "--use-fake-device-for-media-stream=device-count=3",
          // What a screen share finds in place of the browser's own dialog.
          "--auto-select-tab-capture-source-by-title=Shared thing",
        ],
      }),
    },
  },
});
