/// <reference types="node" />
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const packages = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const forbidden =
  /\bDate\.now\b|\bperformance\.now\b|\bsetTimeout\b|\bsetInterval\b|\bAbortSignal\.timeout\b|\bMath\.random\b|\bgetRandomValues\b|\brandomUUID\b|\bnew Date\(\)/;

/** Who may reach for the machine's own time and chance, and why. */
const allowed: Readonly<Record<string, string>> = {
  "runtime/src/clock.ts": "it is the machine's clock",
  "runtime/src/random.ts": "it is the platform's chance",
  "mesh/src/duplex.ts": "libp2p's own streams, which no simulator opens",
  "mesh/src/identity.ts": "makes a tab's key and seals it",
  "media/src/": "real codecs, captures and Web Workers run in real time",
  "channel/src/store/seal.ts": "a nonce for WebCrypto",
  "channel/src/store/file.ts": "makes the key that a folder's secrets are sealed with",
  "localnet/src/": "starts real processes",
  "sim/src/virtual/crypto.ts": "stands in for the platform's chance",
};

const sources = readdirSync(packages, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter(
    (path) => /^[^/]+\/src\/.*\.ts$/.test(path) && !/\.test\.ts$|\.setup\.ts$|\/testing/.test(path),
  );
const reaching = sources.filter((path) =>
  // What a comment or a docstring names is not called.
  forbidden.test(
    readFileSync(join(packages, path), "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, ""),
  ),
);
const excused = (path: string) => Object.keys(allowed).find((prefix) => path.startsWith(prefix));

test("time and chance come from runtime alone, so that a simulator can bend them", () => {
  expect(sources.length).toBeGreaterThan(100);
  expect(reaching.filter((path) => excused(path) === undefined)).toEqual([]);
});

test("nobody is excused who needs no excuse", () => {
  const used = new Set(reaching.map(excused));
  expect(Object.keys(allowed).filter((prefix) => !used.has(prefix))).toEqual([]);
});
