import { expect, test } from "vitest";
import { parseConfig } from "./config.ts";
import { MAX_ICE_SERVERS, missingWays } from "./ice-servers.ts";

const parse = (iceServers: unknown) =>
  parseConfig({
    relays: ["/dns4/r.example/tcp/443/wss/p2p/12D3KooWrelay"],
    iceServers,
    chain: { id: 1, rpc: "https://one.example", contract: `0x${"c".repeat(40)}` },
  } as never).iceServers;

const turn = "turn:turn.example.org:3478?transport=udp";

test("STUN servers, TURN servers with a path for credentials, and public ones are taken, and nothing else of them", () => {
  expect(
    parse([
      { urls: "stun:stun.example.org", extra: 1 },
      { urls: [turn, "turns:[2001:db8::1]:443"], credentials: "/turn-credentials" },
      { urls: turn, username: "all", credential: "open", public: true },
    ]),
  ).toEqual([
    { urls: ["stun:stun.example.org"] },
    { urls: [turn, "turns:[2001:db8::1]:443"], credentials: "/turn-credentials" },
    { urls: [turn], username: "all", credential: "open", public: true },
  ]);
});

const url = (urls: unknown) => [{ urls, credentials: "/turn" }];
const path = (credentials: unknown) => [{ urls: turn, credentials }];

test.each<[string, unknown, string]>([
  ["iceServers", {}, "a list"],
  ["iceServers", Array(MAX_ICE_SERVERS + 1).fill({ urls: "stun:a" }), "at most 4"],
  ["iceServers[0]", ["stun:a"], "an object"],
  ["iceServers[0].urls", url([]), "1 to 4"],
  ["iceServers[0].urls", url(Array(5).fill(turn)), "1 to 4"],
  ["iceServers[0].urls", url("https://turn.example.org"), "stun:"],
  ["iceServers[0].urls", url("turn:"), "stun:"],
  ["iceServers[0].urls", url("turn:a:0"), "stun:"],
  ["iceServers[0].urls", url("turn:a:65536"), "stun:"],
  ["iceServers[0].urls", url("turn:a?transport=sctp"), "stun:"],
  ["iceServers[0].urls", url("stun:a?transport=udp"), "stun:"],
  ["iceServers[0].urls", url("turn:user@a"), "stun:"],
  ["iceServers[0].urls", url(`turn:${"a".repeat(300)}`), "stun:"],
  ["iceServers[0].urls", url([turn, 7]), "stun:"],
  ["iceServers[0]", [{ urls: "stun:a", credentials: "/turn" }], "without credentials"],
  ["iceServers[0].credentials", [{ urls: turn }], "a path"],
  ["iceServers[0].credentials", path("https://other.example/turn"), "on the server of the pages"],
  ["iceServers[0].credentials", path("//other.example/turn"), "on the server of the pages"],
  ["iceServers[0].credentials", path("/a/../b"), "on the server of the pages"],
  ["iceServers[0].credentials", path(`/${"a".repeat(300)}`), "on the server of the pages"],
  ["iceServers[0].credentials", [{ urls: turn, username: "a" }], "a path"],
  [
    "iceServers[0]",
    [{ urls: turn, credentials: "/turn", username: "a", credential: "b" }],
    "either",
  ],
])("a wrong %s is refused: %j", (field, given, said) => {
  expect(() => parse(given)).toThrow(
    expect.objectContaining({ reason: { code: "CONFIG_BAD", field } }),
  );
  expect(() => parse(given)).toThrow(said);
});

test("a TURN password that stands in the file is refused unless it is said to be public, and is not repeated", () => {
  const refused = () => parse([{ urls: turn, username: "relay", credential: "hunter2" }]);
  expect(refused).toThrow("everybody can read this file");
  expect(refused).not.toThrow("hunter2");
});

test("whoever runs a network is told what its servers cannot do", () => {
  expect(missingWays([])).toEqual([expect.stringContaining("within one local network only")]);
  expect(missingWays([{ urls: ["stun:a"] }])).toEqual([expect.stringContaining("no TURN server")]);
  expect(missingWays([{ urls: ["stun:a", turn], credentials: "/turn" }])).toEqual([]);
});
