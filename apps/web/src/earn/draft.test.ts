import { Amount } from "@tabcast/runtime";
import type { WorkerSettings } from "@tabcast/tab";
import { ofCurrency } from "@tabcast/tab/money";
import { workerDefaults } from "@tabcast/tab/settings";
import { expect, test } from "vitest";
import { inEther as eth, type NetworkMoney } from "../unit.ts";
import { draftOf, readDraft } from "./draft.ts";

const token = `0x${"1a".repeat(20)}` as const;
const currency = { token, symbol: "USDC", decimals: 6, dollars: true, perCoin: "3000000000" };
const dollars: NetworkMoney = { ...eth, pay: ofCurrency(currency), currency };

const settings: WorkerSettings = {
  ...workerDefaults,
  price: Amount.of(1_500_000_000_000),
  limits: { jobs: 2, onlyWhenCharging: true },
  hours: [{ days: [1, 2, 3, 4, 5], from: 1_080, to: 360 }],
  allow: ["a".repeat(64)],
  deny: ["b".repeat(64), `12D3KooW${"x".repeat(44)}`],
  tags: ["eu", "gpu:2"],
  crews: ["0123456789abcdef"],
  state: "paused",
};

test("settings that were typed are read back as they are", () => {
  expect(draftOf(settings, eth)).toMatchObject({ price: "0.0000015", hours: "Mon-Fri 18:00-6:00" });
  expect(readDraft(draftOf(settings, eth), settings, eth)).toEqual({ settings, errors: {} });
});

test("every field says in one sentence what is wrong with it, and nothing is read until all are right", () => {
  const bad = {
    ...draftOf(settings, eth),
    price: "0",
    softCap: "much",
    watchtowerShare: "21",
    hours: "late",
    allow: "me",
    deny: "you",
    tags: "a/b",
    crews: "short",
  };
  const { settings: read, errors } = readDraft(bad, settings, eth);
  expect(read).toBeUndefined();
  expect(errors).toEqual({
    price: 'Must be an amount in ETH above 0 with at most 18 places, such as 0.000001, got "0".',
    softCap:
      'Must be an amount in ETH above 0 with at most 18 places, such as 0.000001, got "much".',
    watchtowerShare: "Must be a whole number from 0 to 20, got 21.",
    hours: 'Must be hours such as "22:00-06:00" or "Mon-Fri 18:00-23:00", got "late".',
    allow:
      "Must be a broadcaster's peer id (12D3Koo...) or a stream's id of 64 hexadecimal digits, got \"me\".",
    deny: "Must be a broadcaster's peer id (12D3Koo...) or a stream's id of 64 hexadecimal digits, got \"you\".",
    tags: 'Must be 1 to 32 letters, digits or any of . : _ - without spaces, got "a/b".',
    crews: 'Must be 16 to 128 letters, digits, _ or -, got "short".',
  });
});

test("in a dollar network price and cap are typed in dollars, and belong to its token", () => {
  const priced = { ...settings, token, price: Amount.of(3_000n), softCap: Amount.of(50_000n) };
  const draft = draftOf(priced, dollars);
  expect(draft).toMatchObject({ price: "0.003", softCap: "0.05" });
  expect(readDraft(draft, priced, dollars)).toEqual({ settings: priced, errors: {} });
  const { softCap: _, ...uncapped } = priced;
  expect(readDraft({ ...draft, softCap: " " }, priced, dollars).settings).toEqual(uncapped);
  expect(readDraft({ ...draft, softCap: "0" }, priced, dollars).settings?.softCap).toBe(0n);
  expect(readDraft({ ...draft, price: "0.0000001" }, priced, dollars).errors.price).toMatch(
    /^Must be an amount in dollars above 0 with at most 6 places/,
  );
});
