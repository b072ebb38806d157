// node scripts/turn-credentials.mjs --secret-file FILE [--port 4900]: gives pages credentials for TURN that last an hour, as
// coturn's `use-auth-secret` takes them. For 127.0.0.1 behind the server of the pages: see docs/hosting.md. Any Node; no packages.
import { createHmac, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

/** Seconds that credentials last. A connection under way outlives them. */
const TTL = 3_600;
/** Characters: a shorter secret can be guessed from what it signs. */
const LEAST_SECRET = 16;

/** Credentials for whoever asks, until `ttl` seconds from `now` (Unix milliseconds). `name` tells askers apart in TURN's log and quotas. */
export function credentials(secret, { now, name, ttl = TTL }) {
  const username = `${Math.floor(now / 1_000) + ttl}:${name}`;
  const password = createHmac("sha1", secret).update(username).digest("base64");
  return { username, password, ttl };
}

/** Status and answer for a request. Other sites' pages, which a browser marks, get nothing. */
export function answer({ method, headers }, secret, { now, name }) {
  if (method !== "GET") return [405, { error: "GET only" }];
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin")
    return [403, { error: "for this site's own pages only" }];
  return [200, credentials(secret, { now, name })];
}

export function serve(secret, port) {
  const server = createServer((request, response) => {
    const name = randomBytes(8).toString("hex");
    const [status, value] = answer(request, secret, { now: Date.now(), name });
    response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify(value));
  });
  server.listen(port, "127.0.0.1", () => {
    console.log(`http://127.0.0.1:${server.address().port}/turn-credentials`);
  });
  return server;
}

function main() {
  const options = { "secret-file": { type: "string" }, port: { type: "string", default: "4900" } };
  const { values } = parseArgs({ options });
  if (values["secret-file"] === undefined) throw new Error("--secret-file FILE is needed");
  const secret = readFileSync(values["secret-file"], "utf8").trim();
  if (secret.length < LEAST_SECRET)
    throw new Error(`a secret has at least ${LEAST_SECRET} characters, this one ${secret.length}`);
  if (!/^\d{1,5}$/.test(values.port)) throw new Error(`--port must be a port, got ${values.port}`);
  serve(secret, Number(values.port));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  try {
    main();
  } catch (error) {
    console.error(`turn-credentials: ${error.message}`);
    process.exitCode = 1;
  }
