import type { Wei } from "@tabcast/runtime";
import { privateKeyToAccount } from "viem/accounts";
import { bench, describe } from "vitest";
import { separator } from "./config.ts";
import * as Voucher from "./voucher.ts";

const key = privateKeyToAccount(`0x${"11".repeat(32)}`);
const own = separator({ chainId: 31337, contract: `0x${"ab".repeat(20)}` });
const terms = {
  potId: `0x${"cd".repeat(32)}`,
  payee: `0x${"ef".repeat(20)}`,
  lane: 7,
  cumulative: (10n ** 18n) as Wei,
} as const;
const voucher = await Voucher.sign(own, key, terms);

describe("one voucher", () => {
  bench("sign", async () => {
    await Voucher.sign(own, key, terms);
  });
  bench("verify", async () => {
    await Voucher.verify(own, key.address, voucher);
  });
});
