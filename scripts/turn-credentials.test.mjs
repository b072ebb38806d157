import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { answer, credentials } from "./turn-credentials.mjs";

const folder = mkdtempSync(join(tmpdir(), "tabcast-turn-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const script = new URL("turn-credentials.mjs", import.meta.url).pathname;

test("credentials are those that coturn makes of the same secret and end", () => {
  // printf 1433895918:ninefingers | openssl dgst -sha1 -hmac north -binary | base64
  expect(credentials("north", { now: 1_433_892_318_000, name: "ninefingers" })).toEqual({
    username: "1433895918:ninefingers",
    password: "jy8hTxmOO7UtEKXqSkSlvakPVYA=",
    ttl: 3_600,
  });
});

test("only pages of the same site are answered", () => {
  const ask = (method, headers) => answer({ method, headers }, "s", { now: 0, name: "a" })[0];
  expect(ask("GET", { "sec-fetch-site": "same-origin" })).toBe(200);
  // A watchtower is no browser and says nothing.
  expect(ask("GET", {})).toBe(200);
  expect(ask("GET", { "sec-fetch-site": "cross-site" })).toBe(403);
  expect(ask("GET", { "sec-fetch-site": "same-site" })).toBe(403);
  expect(ask("POST", { "sec-fetch-site": "same-origin" })).toBe(405);
});

/** The command, until it has said its first line. */
function started(...args) {
  const child = spawn(process.execPath, [script, ...args]);
  const said = new Promise((resolve) => {
    child.stdout.once("data", (text) => resolve(String(text).trim()));
    child.stderr.once("data", (text) => resolve(String(text).trim()));
  });
  return { child, said };
}

test("the command serves them on this machine, and refuses a secret that can be guessed", async () => {
  const secret = join(folder, "secret");
  writeFileSync(secret, "a secret of some length\n");
  const { child, said } = started("--secret-file", secret, "--port", "0");
  const response = await fetch(await said);
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(Object.keys(await response.json())).toEqual(["username", "password", "ttl"]);
  child.kill();
  writeFileSync(secret, "short");
  expect(await started("--secret-file", secret).said).toContain("at least 16 characters");
  expect(await started().said).toContain("--secret-file FILE is needed");
});
