import { defineConfig } from "@playwright/test";

/** The pages in Firefox, on a real network. Playwright only runs the tests: its own Firefox is a patched one, ours is the system's. */
export default defineConfig({
  testDir: ".",
  outputDir: "../../test-results/firefox",
  globalSetup: "../setup.mjs",
  // One network and one browser at a time: a second run on the same cores would be what is measured.
  workers: 1,
  fullyParallel: false,
  retries: 0,
  forbidOnly: process.env.CI !== undefined,
  timeout: 120_000,
  globalTimeout: 8 * 60_000,
  expect: { timeout: 30_000 },
  reporter: "list",
});
