import type { Chain, Hex, PotConfig } from "@tabcast/channel";
import { Amount } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { network } from "../test/stage.ts";
import { lostPots, payingIn } from "./lost.ts";

const payer = `0x${"Ab".repeat(20)}` as const;
const coin = `0x${"0".repeat(40)}` as const;
const token = `0x${"1a".repeat(20)}` as const;
const { signal } = new AbortController();
const configOf = (salt: number, of: Hex = payer): PotConfig => ({
  payer: of,
  signer: `0x${"e".repeat(40)}`,
  token: coin,
  challengePeriod: 900,
  salt: `0x${String(salt).padStart(64, "0")}`,
});

/** A chain whose payer opened pots 1 to 3, two pages of history away; they hold so much. */
function chainOf(balances: Readonly<Record<Hex, bigint>>) {
  const opened = (salt: number, of?: Hex) => ({
    type: "opened" as const,
    potId: `0x0${salt}` as const,
    block: BigInt(salt),
    config: configOf(salt, of),
  });
  const pages = new Map<bigint | undefined, unknown>([
    [undefined, { events: [opened(3), { type: "claimed", potId: "0x03" }], next: 3n }],
    [3n, { events: [opened(2), opened(4, token), opened(1)] }],
  ]);
  const asked: Hex[] = [];
  const chain = {
    history: async (_: Hex, { before }: { before?: bigint }) => pages.get(before),
    async pot(potId: Hex) {
      asked.push(potId);
      return { balance: Amount.of(balances[potId] ?? 0n) };
    },
  } as unknown as Chain.Chain;
  return { chain, asked };
}

test("pots that an address opened are found in its history, with what they hold, over all its pages", async () => {
  const { chain } = chainOf({ "0x01": 5n, "0x03": 7n });
  const found = await lostPots(chain, payer.toLowerCase() as Hex, { known: [], signal });
  expect(found).toEqual([
    { potId: "0x03", config: configOf(3), from: 3n, left: 7n },
    { potId: "0x01", config: configOf(1), from: 1n, left: 5n },
  ]);
});

test("a pot in this browser's books is not lost, nor one of another payer, and neither is asked for", async () => {
  const { chain, asked } = chainOf({ "0x01": 5n, "0x03": 7n, "0x04": 9n });
  const found = await lostPots(chain, payer, { known: [{ potId: "0x03" }], signal });
  expect(found.map(({ potId }) => potId)).toEqual(["0x01"]);
  expect(asked).toEqual(["0x02", "0x01"]);
});

test("a pot of before is opened in its own currency: the coin, the network's token, or the chain's USDC, which gas is not compared with", () => {
  const currency = { token, symbol: "USDC", decimals: 6, dollars: true, perCoin: "3000000000" };
  const config = { ...network, iceServers: [], chain: { ...network.chain, currency } };
  expect(payingIn(config, coin)).not.toHaveProperty("currency");
  const capitals = token.toUpperCase().replace("0X", "0x") as Hex;
  expect(payingIn(config, capitals)).toMatchObject({
    currency: { token, perCoin: 3_000_000_000n },
  });
  expect(payingIn(config, payer, payer)).toMatchObject({ currency: { token: payer, perCoin: 0n } });
});
