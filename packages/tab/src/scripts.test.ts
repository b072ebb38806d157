import { expect, test } from "vitest";
import { ownScript } from "./scripts.ts";

const page = "https://tabcast.example/watch/abc";

test.each(["https://tabcast.example/assets/transcode.worker-1.js", "/assets/a.js"])(
  "a page starts %s of its own server",
  (url) => {
    expect(ownScript(url, page)).toBe(url);
  },
);

test.each([
  "https://evil.example/a.js",
  "//evil.example/a.js",
  "https://tabcast.example:8443/a.js",
  "http://tabcast.example/a.js",
  "data:text/javascript,alert(1)",
  "blob:https://tabcast.example/5a9f0f46",
  "javascript:alert(1)",
])("a page starts nothing from %s", (url) => {
  expect(() => ownScript(url, page)).toThrow("scripts come from https://tabcast.example only");
});
