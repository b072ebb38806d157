import { describe, expect, test } from "vitest";
import { parseConfig } from "./config.ts";
import { pageHeaders, webSocketOrigin } from "./page-headers.ts";

const relay = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
const config = parseConfig({
  relays: [
    `/dns4/relay.example.org/tcp/443/tls/ws/p2p/${relay}`,
    `/ip6/::1/tcp/9001/ws/p2p/${relay}`,
  ],
  // Not for such rules: WebRTC is not covered, and credentials come from the pages' own server.
  iceServers: [{ urls: ["turns:turn.example.org:5349"], credentials: "/turn-credentials" }],
  chain: {
    id: 8453,
    rpc: "https://rpc.example.org/v1/key",
    witness: "https://other.example.net/",
    contract: `0x${"11".repeat(20)}`,
  },
});
const policyOf = (headers: Readonly<Record<string, string>>) =>
  new Map(
    (headers["content-security-policy"] ?? "")
      .split("; ")
      .map((line) => line.split(" "))
      .map(([name = "", ...values]) => [name, values]),
  );

describe("the headers of a network's pages", () => {
  test("let a page reach the relays and chain servers of its configuration, by origin, and nobody else", () => {
    expect(policyOf(pageHeaders(config)).get("connect-src")).toEqual([
      "'self'",
      "wss://relay.example.org:443",
      "ws://[::1]:9001",
      "https://rpc.example.org",
      "https://other.example.net",
    ]);
    expect(policyOf(pageHeaders()).get("connect-src")).toEqual(["'self'"]);
  });

  test("forbid inline scripts, frames around the page, and where it came from", () => {
    const headers = pageHeaders(config);
    const policy = policyOf(headers);
    expect(policy.get("default-src")).toEqual(["'none'"]);
    expect(headers["content-security-policy"]).not.toMatch(/unsafe-inline|'unsafe-eval'|\*/);
    expect(policy.get("frame-ancestors")).toEqual(["'none'"]);
    expect(policy.get("require-trusted-types-for")).toEqual(["'script'"]);
    expect(headers).toMatchObject({
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
    });
  });

  test.each([
    ["/ip4/127.0.0.1/tcp/9001/ws/p2p/x", "ws://127.0.0.1:9001"],
    ["/dns/a.example/tcp/443/wss/p2p/x", "wss://a.example:443"],
    ["/dns4/a.example/tcp/443/tls/sni/a.example/ws/p2p/x", "wss://a.example:443"],
    ["/ip4/127.0.0.1/udp/9001/quic-v1/p2p/x", undefined],
    ["/ip4/127.0.0.1/tcp/9001/p2p/x", undefined],
    ["/dns4/a.example; script-src */tcp/443/wss/p2p/x", undefined],
    ["/dns4/a.example/tcp/443 https:/wss/p2p/x", undefined],
    ["", undefined],
  ])("take %j for a relay at %j", (address, origin) => {
    expect(webSocketOrigin(address)).toBe(origin);
  });
});
