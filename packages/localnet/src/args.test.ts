import { expect, test } from "vitest";
import { ArgsError, parseArgs } from "./args.ts";
import { inCurrency } from "./settings-args.ts";

test("without flags it is a live broadcast of the scene through two workers", () => {
  expect(parseArgs([])).toEqual({
    workers: 2,
    codec: "avc",
    segment: 2,
    pace: "live",
    exit: false,
    json: false,
    aac: false,
    currency: "eth",
    seed: 1,
  });
});

test("every flag of the interface is read, with a space or an equals sign", () => {
  const spaced =
    "--input a.mp4 --out o --workers 3 --ladder 720p,64x36@9 --codec vp9 --segment 1.5 --pace fast --exit --json --aac --port 81 --seed 9 --currency usdc";
  const expected = {
    input: "a.mp4",
    out: "o",
    workers: 3,
    ladder: "720p,64x36@9",
    codec: "vp9",
    segment: 1.5,
    pace: "fast",
    exit: true,
    json: true,
    aac: true,
    port: 81,
    seed: 9,
    currency: "usdc",
  };
  expect(parseArgs(spaced.split(" "))).toEqual(expected);
  expect(parseArgs(spaced.replace(/(--[a-z]+) (?!-)/g, "$1=").split(" "))).toEqual(expected);
});

test("--exit makes the pace fast unless live is asked for", () => {
  expect(parseArgs(["--exit"])?.pace).toBe("fast");
  expect(parseArgs(["--exit", "--pace", "live"])?.pace).toBe("live");
});

test("--help asks for help, whatever else is given", () => {
  expect(parseArgs(["--workers", "1", "--help"])).toBeUndefined();
});

test.each([
  [["--wrokers", "2"], "--wrokers"],
  [["file.mp4"], "file.mp4"],
  [["--workers"], "--workers"],
  [["--input", "--exit"], "--input"],
  [["--workers", "1.5"], "--workers"],
  [["--workers", "-1"], "--workers"],
  [["--workers", "17"], "--workers"],
  [["--workers", "0x2"], "--workers"],
  [["--codec", "hevc"], "--codec"],
  [["--segment", "0.2"], "--segment"],
  [["--segment", "11"], "--segment"],
  [["--pace", "slow"], "--pace"],
  [["--port", "0"], "--port"],
  [["--currency", "dai"], "--currency"],
  [["--port", "65536"], "--port"],
  [["--seed", "NaN"], "--seed"],
  [["--exit=yes"], "--exit"],
  [["--json", "--json"], "--json"],
  [["--out="], "--out"],
  [["--ladder", ""], "--ladder"],
  [["--worker-price", "0"], "--worker-price"],
  [["--worker-price", "dear"], "--worker-price"],
  [["--worker-soft-cap", "1e-3"], "--worker-soft-cap"],
  [["--worker-hours", "late"], "--worker-hours"],
  [["--worker-slots", "5"], "--worker-slots"],
  [["--worker-slots", "two"], "--worker-slots"],
  [["--worker-tags", "a/b"], "--worker-tags"],
  [["--worker-allow", "me"], "--worker-allow"],
  [["--worker-crew", "short"], "--worker-crew"],
  [["--worker-payee", "0x12"], "--worker-payee"],
  [["--watchtower-share", "21"], "--watchtower-share"],
  [["--watchtower-share", "some"], "--watchtower-share"],
  [["--hire-deny", "you"], "--hire-deny"],
  [["--hire-crew", "short"], "--hire-crew"],
  [["--visibility", "secret"], "--visibility"],
  [["--visibility", "private"], "--links"],
  [["--visibility", "unlisted", "--links", "f"], "--links"],
])("%j is refused in one line that names %s", (argv, flag) => {
  let thrown: unknown;
  try {
    parseArgs(argv);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(ArgsError);
  const { reason, message } = thrown as ArgsError;
  expect(reason).toEqual({ code: "ARGS_BAD", flag });
  expect(message).toContain(flag);
  expect(message).not.toContain("\n");
});

test("the workers' and the broadcaster's settings are read from their flags, and nothing else is set", () => {
  const peer = "12D3KooWGJ1rQx5vRoYRBc6vVjwXoBJrQaJZB6uP4q6Yy3c9t2sK";
  const stream = "AB".repeat(32);
  const args = parseArgs([
    ...[
      "--worker-price",
      "0.003",
      "--worker-soft-cap",
      "$0.05",
      "--worker-hours",
      "Mon 8:00-9:30",
      "--worker-slots",
      "2",
    ],
    ...["--worker-tags", "eu, gpu", "--worker-deny", `${stream} ${peer}`],
    ...["--worker-crew", "0123456789abcdef", "--hire-crew", "0123456789abcdef"],
    ...["--hire-tags", "eu", "--hire-allow", peer, "--watchtower-share", "10"],
  ]);
  expect(args?.worker).toEqual({
    price: "0.003",
    softCap: "$0.05",
    hours: [{ days: [1], from: 480, to: 570 }],
    limits: { jobs: 2, onlyWhenCharging: false },
    watchtowerShare: 10,
    tags: ["eu", "gpu"],
    deny: [stream.toLowerCase(), peer],
    crews: ["0123456789abcdef"],
  });
  expect(args?.hiring).toEqual({ crew: "0123456789abcdef", tags: ["eu"], allow: [peer] });
});

test("what workers ask is read in what the network pays in, and refused where it is finer than that", () => {
  const token = `0x${"1".repeat(40)}` as const;
  const usdc = { token, symbol: "USDC", decimals: 6, dollars: true, perCoin: "3000000000" };
  expect(inCurrency({ price: "0.000001", tags: ["eu"] }, undefined)).toEqual({
    price: "1000000000000",
    tags: ["eu"],
  });
  expect(inCurrency({ price: "$0.003", softCap: "0.05" }, usdc)).toEqual({
    price: "3000",
    softCap: "50000",
    token,
  });
  expect(() => inCurrency({ price: "0.0000001" }, usdc)).toThrow("at most 6 places");
});

test("a private stream's links go to a file, and so do those that workers are given", () => {
  const flags = "--visibility private --links l --worker-crew-links c".split(" ");
  expect(parseArgs(flags)).toMatchObject({
    visibility: "private",
    links: "l",
    workerCrewLinks: "c",
  });
});
