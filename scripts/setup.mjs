// Brings what the project needs to a machine that has only Node and npm: packages, Node 24, Chromium; Firefox for its tests.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { find, installed, isFile } from "../packages/driver/src/places.js";
import { environment, fingerprint, node24, root, run, runQuietly, Stop, say } from "./lib.mjs";

const stamp = join(root, "node_modules", ".tabcast-setup");
const leastNode = 20;

/** Everything that decides what an install puts into node_modules. */
function wanted() {
  const manifests = ["package.json", "e2e/package.json"];
  for (const folder of ["apps", "packages"])
    for (const name of readdirSync(join(root, folder)))
      manifests.push(`${folder}/${name}/package.json`);
  return fingerprint(["pnpm-lock.yaml", "pnpm-workspace.yaml", "patches", ...manifests]);
}

async function install() {
  const now = wanted();
  if (existsSync(node24) && existsSync(stamp) && readFileSync(stamp, "utf8") === now) return;
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  say(`setup: installing packages with ${packageManager} (a few minutes the first time) ...`);
  const began = Date.now();
  const npm = process.env.npm_execpath?.endsWith("npm-cli.js")
    ? process.env.npm_execpath
    : undefined;
  // We call the pinned version ourselves, and a frozen install refuses to note it in the lockfile (pnpm#14124).
  const flags = ["--frozen-lockfile", "--pm-on-fail=ignore", "--reporter=append-only"];
  const args = ["--yes", "--", packageManager, "install", ...flags];
  const env = environment({
    CI: "1", // pnpm must not stop to ask
    npm_config_loglevel: "error", // ours is silent (.npmrc), and then a failure would have no words
    // These are the npm's that started us, and pnpm would take them for its own.
    npm_config_local_prefix: undefined,
    npm_config_user_agent: undefined,
  });
  const { code, tail } =
    npm === undefined
      ? await runQuietly("npx", args, { env, shell: process.platform === "win32" })
      : await runQuietly(process.execPath, [npm, "exec", ...args], { env });
  if (code !== 0) {
    for (const line of tail) say(`  ${line}`);
    throw new Stop(
      `packages could not be installed (pnpm ended with ${code}); the lines above say why. Without a network the first start cannot work`,
    );
  }
  if (!existsSync(node24))
    throw new Stop(
      `the package "node" did not bring ${node24}; delete node_modules and start again`,
    );
  writeFileSync(stamp, now);
  say(`setup: packages installed in ${((Date.now() - began) / 1000).toFixed(0)} s`);
}

/** Where Playwright keeps, or would put, its own Chromium. Loading it takes a moment, so it is asked last. */
function playwrights() {
  const require = createRequire(join(root, "package.json"));
  const path = require("playwright-core").chromium.executablePath();
  return { path, there: isFile(path) };
}

function isDebianRoot() {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  // Ubuntu's chromium is a snap that does not run in containers, so only Debian's own counts.
  return (
    existsSync("/etc/os-release") && /^ID=debian$/m.test(readFileSync("/etc/os-release", "utf8"))
  );
}

async function fromDebian() {
  say("setup: installing Chromium with apt-get ...");
  const env = environment({ DEBIAN_FRONTEND: "noninteractive" });
  await runQuietly("apt-get", ["update"], { env });
  const { code, tail } = await runQuietly(
    "apt-get",
    ["install", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core"],
    { env },
  );
  return code === 0 ? installed() : tail.at(-1);
}

async function fromPlaywright() {
  say("setup: downloading Chromium with Playwright ...");
  const cli = join(root, "node_modules", "playwright-core", "cli.js");
  const { code, tail } = await runQuietly(node24, [cli, "install", "--no-shell", "chromium"]);
  const { path, there } = playwrights();
  if (code !== 0 || !there) return tail.at(-1);
  // On a bare Linux the download lacks the system's libraries, and shows it here and not in the middle of a run.
  const trial = await runQuietly(path, ["--version"]);
  return trial.code === 0 ? path : `the downloaded Chromium does not start: ${trial.tail.at(-1)}`;
}

async function chromium() {
  const chosen = process.env.TABCAST_CHROMIUM;
  if (chosen !== undefined && chosen !== "") {
    if (!isFile(chosen))
      throw new Stop(
        `TABCAST_CHROMIUM is ${chosen}, and there is no such file; unset it or give Chromium's path`,
      );
    return chosen;
  }
  const there = installed();
  if (there !== undefined) return there;
  const own = playwrights();
  if (own.there) return own.path;
  // Debian's comes with its libraries, so where apt-get may be used it goes first.
  const ways = isDebianRoot() ? [fromDebian, fromPlaywright] : [fromPlaywright];
  let why = "";
  for (const way of ways) {
    const got = await way();
    if (got !== undefined && isFile(got)) {
      say(`setup: Chromium is at ${got}`);
      return got;
    }
    why = got ?? "no reason given";
    say(`setup: that did not work: ${why}`);
  }
  throw new Stop(
    `no Chromium found, and none could be installed (${why}); install Chrome or Chromium and set TABCAST_CHROMIUM to its path`,
  );
}

/** Oldest Firefox that the tests are run in. */
const leastFirefox = 140;

/** Where a Firefox usually is. */
function firefoxPlaces() {
  const { PROGRAMFILES = "", HOME = "" } = process.env;
  switch (process.platform) {
    case "darwin":
      return ["", HOME].map((home) => `${home}/Applications/Firefox.app/Contents/MacOS/firefox`);
    case "win32":
      return [join(PROGRAMFILES, "Mozilla Firefox", "firefox.exe")];
    default:
      return ["firefox-esr", "firefox"];
  }
}

/** Debian's Firefox, with the library in which it finds H.264. Why not, if that did not work. */
async function firefoxFromDebian() {
  say("setup: installing Firefox for its tests with apt-get ...");
  const env = environment({ DEBIAN_FRONTEND: "noninteractive" });
  await runQuietly("apt-get", ["update"], { env });
  const { code, tail } = await runQuietly(
    "apt-get",
    ["install", "-y", "--no-install-recommends", "firefox-esr", "^libavcodec[0-9]+$"],
    { env },
  );
  return code === 0 ? undefined : `apt-get could not install firefox-esr: ${tail.at(-1)}`;
}

/**
 * Finds Firefox for the tests, or installs it where apt-get may be used. Gives its `path`, or why there is none as
 * `missing`; never throws, because everything else can be tested without it.
 */
export async function firefox() {
  const chosen = process.env.TABCAST_FIREFOX;
  const known = chosen ? [chosen] : firefoxPlaces();
  const first = () => known.map((place) => find(place)).find((path) => path !== undefined);
  let path = first();
  if (path === undefined && chosen)
    return { missing: `TABCAST_FIREFOX is ${chosen}, and there is no such file` };
  if (path === undefined) {
    if (!isDebianRoot())
      return { missing: "none is installed, and only root on Debian can install it here" };
    const why = await firefoxFromDebian();
    path = first();
    if (path === undefined) return { missing: why ?? "firefox-esr brought no firefox-esr" };
    say(`setup: Firefox is at ${path}`);
  }
  // Some systems have a script of that name that only says how to install it.
  const { code, tail } = await runQuietly(path, ["--version"]);
  const version = Number(/Firefox (\d+)/.exec(tail.join(" "))?.[1]);
  if (code !== 0 || Number.isNaN(version))
    return { missing: `${path} does not start: ${tail.at(-1) ?? `it ended with ${code}`}` };
  if (version < leastFirefox)
    return { missing: `${path} is version ${version}; ${leastFirefox} or newer is needed` };
  return { path };
}

/** Brings packages and Node 24, or throws a Stop; says nothing when nothing is missing. */
export async function packages() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major < leastNode)
    throw new Stop(
      `Node ${leastNode} or newer is needed to start, and this is ${process.versions.node}`,
    );
  mkdirSync(join(root, "node_modules"), { recursive: true });
  await install();
}

/** Makes the machine ready, or throws a Stop. Returns Chromium's path; says nothing when nothing is missing. */
export async function setup() {
  await packages();
  return { chromium: await chromium() };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  await run(async () => {
    const { chromium } = await setup();
    say(`setup: ready; Node 24 at ${node24}, Chromium at ${chromium}`);
  });
