// npm run bench -- channel: what a payment takes in a page, from the intent to the voucher that is credited.
import { fileURLToPath } from "node:url";
import { benchFlags, openBench } from "@tabcast/driver/bench";
import { anvil, KEYS } from "../test/anvil.ts";
import type { ChannelPage } from "./page.ts";

declare const channelPage: ChannelPage;

const LANES = 50;
const ROUNDS = 20;
const TRANSFERS = 50;
/** Sign, verify and persist, in milliseconds (median). */
const TARGET_MS = 5;

benchFlags({});
const net = await anvil();
const bench = await openBench({
  root: fileURLToPath(new URL("../../..", import.meta.url)),
  page: "packages/channel/bench/page.html",
  ready: "channelPage",
  entries: ["packages/channel/bench/page.ts"],
}).catch(async (error) => {
  await net.close();
  throw error;
});

function line(name: string, times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
  const cells = [0.5, 0.95, 1].map((share) => `${at(share).toFixed(1)} ms`.padStart(9));
  console.log(`${name.padEnd(44)}${cells.join("")}`);
  return at(0.5);
}

let median = Number.NaN;
let asked = 0;
try {
  const { page } = await bench.open();
  page.on("request", (request) => {
    if (request.url().startsWith(net.rpc) && request.method() === "POST") asked++;
  });
  const { rpc, domain } = net;
  await page.evaluate((options) => channelPage.prepare(options), {
    rpc,
    domain,
    keys: KEYS.slice(0, 2),
    lanes: LANES,
  });
  await page.evaluate(() => channelPage.run(1)); // code and tables are cold
  const before = asked;
  const run = await page.evaluate((rounds) => channelPage.run(rounds), ROUNDS);
  const during = asked - before;
  const transfers = await page.evaluate((count) => channelPage.instead(count), TRANSFERS);
  console.log(
    `${LANES} lanes, ${ROUNDS} payments each, books in IndexedDB with strict durability, both sides in one page`,
  );
  console.log(
    `${"".padEnd(44)}${["median", "p95", "most"].map((name) => name.padStart(9)).join("")}`,
  );
  median = line("a payment, both sides", run.payments);
  line("  payer: intent, signature, voucher", run.payer);
  line("  worker: verified, stored", run.worker);
  line("before it: the work that is owed, stored", run.owed);
  const instead = line("a transaction on an idle chain instead", transfers);
  console.log(
    `a payment takes ${(median / instead).toFixed(2)} x of that, and no gas (21,000 each)`,
  );
  console.log(
    `requests to the chain in ${run.payments.length} payments: ${during} (both sides look at it every 30 s)`,
  );
} finally {
  await bench.close();
  await net.close();
}
if (!(median <= TARGET_MS)) {
  console.error(`target: ${TARGET_MS} ms for a payment (median)`);
  process.exitCode = 1;
}
