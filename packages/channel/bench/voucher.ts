// Milliseconds of processor time to sign and to verify one voucher: `node packages/channel/bench/voucher.ts`.
import type { Wei } from "@tabcast/runtime";
import { privateKeyToAccount } from "viem/accounts";
import { separator } from "../src/config.ts";
import * as Voucher from "../src/voucher.ts";

const key = privateKeyToAccount(`0x${"11".repeat(32)}`);
const own = separator({ chainId: 31337, contract: `0x${"ab".repeat(20)}` });
const termsOf = (amount: number): Voucher.Terms => ({
  potId: `0x${"cd".repeat(32)}`,
  payee: `0x${"ef".repeat(20)}`,
  lane: 7,
  cumulative: BigInt(amount) as Wei,
});

async function measure(name: string, count: number, work: (i: number) => Promise<unknown>) {
  for (let i = 1; i <= 50; i++) await work(i);
  const start = process.cpuUsage();
  for (let i = 1; i <= count; i++) await work(i);
  const { user, system } = process.cpuUsage(start);
  console.log(`${name}: ${((user + system) / 1000 / count).toFixed(2)} ms`);
}

const signed = await Promise.all(
  Array.from({ length: 501 }, (_, i) => Voucher.sign(own, key, termsOf(i + 1))),
);
await measure("sign", 500, (i) => Voucher.sign(own, key, termsOf(i)));
await measure("verify", 500, async (i) => {
  const voucher = signed[i];
  if (voucher) await Voucher.verify(own, key.address, voucher);
});
