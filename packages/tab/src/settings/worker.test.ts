import { Availability } from "@tabcast/market";
import { Amount } from "@tabcast/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { usualPrice } from "./currency.ts";
import { workerDefaults } from "./defaults.ts";
import { SettingsError } from "./fields.ts";
import {
  forAnotherCurrency,
  parseWorkerSettings,
  policyOf,
  purseOptionsOf,
  settingsIn,
  type WorkerSettings,
  workerSettingsJson,
  workerSettingsOf,
} from "./worker.ts";

const { SEED, RUNS = "200" } = process.env;
const replay = { seed: Number(SEED ?? Date.now() | 0), numRuns: Number(RUNS) };

const peer = `12D3KooW${"x".repeat(44)}`;
const stream = "ab".repeat(32);
const usdc = {
  token: `0x${"1a".repeat(20)}`,
  symbol: "USDC",
  decimals: 6,
  dollars: true,
  perCoin: "3000000000",
} as const;
const full: WorkerSettings = {
  price: Amount.of(500_000_000_000),
  payee: `0x${"Ab".repeat(20)}`,
  softCap: Amount.of(10n ** 15n),
  watchtowerShare: 7,
  limits: { jobs: 2, onlyWhenCharging: true },
  hours: [{ days: [0, 6], from: 1_320, to: 360 }],
  tags: ["eu", "gpu:2"],
  allow: [stream],
  deny: [peer],
  crews: ["0123456789abcdef"],
  state: "draining",
};

describe("worker settings", () => {
  test("come back from JSON as they were", () => {
    expect(workerSettingsOf(JSON.stringify(workerSettingsJson(full)))).toEqual(full);
  });

  test("have the node's own defaults where nothing is said", () => {
    expect(parseWorkerSettings({})).toEqual(workerDefaults);
    expect(policyOf(workerDefaults)).toEqual(Availability.ALWAYS);
  });

  test("are asked in what a network pays in: 3,000 parts for a token of six decimals at $3,000 a coin", () => {
    expect(parseWorkerSettings({}, usdc)).toEqual({
      ...workerDefaults,
      token: usdc.token,
      price: 3_000n,
    });
    expect(usualPrice({ perCoin: "1" })).toBe(1n);
  });

  test("keep a price and a cap for the currency they were set in, whatever the token's capitals", () => {
    const set = { ...full, token: usdc.token.toUpperCase().replace("0X", "0x") as `0x${string}` };
    const json = workerSettingsJson(set);
    expect(parseWorkerSettings(json, usdc)).toEqual(set);
    expect(forAnotherCurrency(json, usdc)).toBe(false);
    expect(parseWorkerSettings(workerSettingsJson(full))).toEqual(full);
    expect(forAnotherCurrency(workerSettingsJson(full))).toBe(false);
  });

  test("replace a price and a cap of another currency by that network's defaults, and nothing else", () => {
    const { softCap: _, ...rest } = full;
    // Ten for a gigapixel in ether would be ten billion dollars' parts.
    expect(parseWorkerSettings(workerSettingsJson(full), usdc)).toEqual({
      ...rest,
      token: usdc.token,
      price: 3_000n,
    });
    expect(forAnotherCurrency(workerSettingsJson(full), usdc)).toBe(true);
    const inDollars = { ...full, token: usdc.token, price: Amount.of(5_000n) };
    expect(settingsIn(inDollars)).toEqual({ ...rest, price: workerDefaults.price });
    expect(forAnotherCurrency(workerSettingsJson(inDollars))).toBe(true);
    expect(forAnotherCurrency({ tags: ["eu"] }, usdc)).toBe(false);
  });

  test("say to the market when, how much and for whom", () => {
    expect(policyOf(full)).toEqual({
      slots: 2,
      paused: false,
      drain: true,
      hours: full.hours,
      onlyWhenCharging: true,
      onlyWhenIdle: false,
      allow: [stream],
      deny: [peer],
    });
    expect(policyOf({ ...full, state: "paused" })).toMatchObject({ paused: true, drain: false });
  });

  test("open the purse with the owner's soft cap, and say what a segment brings at the owner's price", () => {
    expect(purseOptionsOf(full)).toEqual({
      softCap: 10n ** 15n,
      segmentPay: 200_000_000_000n,
      watchtowerShare: 7,
    });
    expect(purseOptionsOf(workerDefaults)).toEqual({ segmentPay: 400_000_000_000n });
  });

  test("keep a name once, and hexadecimal names in lower case, as the market compares them", () => {
    const { deny } = parseWorkerSettings({ deny: [stream.toUpperCase(), peer, stream] });
    expect(deny).toEqual([stream, peer]);
  });

  test.each<[string, unknown, string]>([
    ["worker settings", null, "an object, got null"],
    ["worker settings", [], "an object, got []"],
    ["worker settings", { prize: "1" }, 'deny, crews, state, got "prize"'],
    [
      "price",
      { price: 5 },
      "a whole number per output gigapixel, from 1 to 1000000000000000000, got 5",
    ],
    ["price", { price: "0" }, 'got "0"'],
    ["token", { token: "USDC" }, 'an address, 0x and 40 hexadecimal digits, got "USDC"'],
    ["softCap", { softCap: "-1" }, "a whole number, from 0 to 1000000000000000000000000"],
    ["softCap", { softCap: "1000000000000000000000001" }, "a whole number, from 0 to"],
    ["softCap", { softCap: 5 }, "got 5"],
    ["watchtowerShare", { watchtowerShare: 21 }, "a whole number from 0 to 20, got 21"],
    ["watchtowerShare", { watchtowerShare: 2.5 }, "got 2.5"],
    ["price", { price: "1000000000000000001" }, 'got "1000000000000000001"'],
    ["price", { price: "-1" }, 'got "-1"'],
    ["payee", { payee: "0x12" }, 'an address, 0x and 40 hexadecimal digits, got "0x12"'],
    ["limits", { limits: 4 }, "an object, got 4"],
    ["limits.jobs", { limits: { jobs: 0 } }, "a whole number from 1 to 4, got 0"],
    ["limits.jobs", { limits: { jobs: 5 } }, "a whole number from 1 to 4, got 5"],
    ["limits.jobs", { limits: { jobs: 1.5 } }, "got 1.5"],
    ["limits.onlyWhenCharging", { limits: { onlyWhenCharging: 1 } }, "true or false, got 1"],
    ["hours", { hours: "always" }, 'a list, got "always"'],
    ["hours", { hours: Array(29).fill(full.hours[0]) }, 'at most 28, got "a list of 29"'],
    ["hours.days", { hours: [{ days: [], from: 0, to: 60 }] }, "at least one day"],
    ["hours.days", { hours: [{ days: [7], from: 0, to: 60 }] }, "from 0 to 6, got 7"],
    ["hours.from", { hours: [{ days: [1], from: -1, to: 60 }] }, "from 0 to 1440, got -1"],
    ["hours.to", { hours: [{ days: [1], from: 0, to: 1_441 }] }, "from 0 to 1440, got 1441"],
    ["hours.to", { hours: [{ days: [1], from: 0 }] }, "got nothing"],
    ["hours.to", { hours: [{ days: [1], from: 60, to: 60 }] }, "another minute than from, got 60"],
    ["tags", { tags: ["a b"] }, 'without spaces, got "a b"'],
    ["tags", { tags: ["x".repeat(33)] }, "1 to 32 letters"],
    ["tags", { tags: Array.from({ length: 17 }, (_, i) => `t${i}`) }, "at most 16"],
    ["allow", { allow: [`0x${"1".repeat(40)}`] }, "a broadcaster's peer id"],
    ["deny", { deny: ["x"] }, "a stream's id of 64 hexadecimal digits"],
    ["deny", { deny: Array(257).fill(stream) }, "at most 256"],
    ["crews", { crews: ["0123456789abcde"] }, "16 to 128 letters"],
    ["crews", { crews: ["x".repeat(129)] }, "16 to 128 letters"],
    ["crews", { crews: Array(17).fill("0123456789abcdef") }, "at most 16"],
    ["state", { state: "asleep" }, 'working or paused or draining, got "asleep"'],
  ])("refuse a wrong %s: %j", (field, value, said) => {
    const parse = () => parseWorkerSettings(value);
    expect(parse).toThrow(SettingsError);
    expect(parse).toThrow(expect.objectContaining({ reason: { code: "SETTINGS_BAD", field } }));
    expect(parse).toThrow(said);
  });

  test("of more than 65,536 characters are refused before they are read, and so is what is no JSON", () => {
    expect(() => workerSettingsOf(`${" ".repeat(65_535)}{}`)).toThrow("65537 characters");
    expect(workerSettingsOf(`${" ".repeat(65_534)}{}`)).toEqual(workerDefaults);
    expect(() => workerSettingsOf("{")).toThrow('worker settings must be JSON, got "{"');
  });

  test(`any value is read or refused with our code, and what is read is read again the same (SEED=${replay.seed})`, () => {
    const anything = fc.oneof(
      fc.anything(),
      fc.record(
        {
          price: fc.oneof(fc.anything(), fc.bigInt({ min: 0n, max: 2n ** 64n }).map(String)),
          limits: fc.record({ jobs: fc.oneof(fc.anything(), fc.nat({ max: 6 })) }),
          hours: fc.array(
            fc.record({
              days: fc.array(fc.nat({ max: 7 })),
              from: fc.nat({ max: 1_500 }),
              to: fc.nat({ max: 1_500 }),
            }),
          ),
          tags: fc.array(fc.string({ maxLength: 40 })),
          crews: fc.array(fc.stringMatching(/^[a-z]{0,20}$/)),
          state: fc.oneof(fc.anything(), fc.constantFrom("working", "paused")),
        },
        { requiredKeys: [] },
      ),
    );
    fc.assert(
      fc.property(anything, (value) => {
        let read: WorkerSettings;
        try {
          read = parseWorkerSettings(value);
        } catch (error) {
          expect(error).toBeInstanceOf(SettingsError);
          return;
        }
        expect(parseWorkerSettings(workerSettingsJson(read))).toEqual(read);
      }),
      replay,
    );
  });
});
