import { expect, test } from "vitest";
import { isPrivate, networkOf } from "./hosts.ts";

test.each([
  "127.0.0.1",
  "10.1.2.3",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "169.254.10.10",
  "100.64.0.1",
  "0.0.0.0",
  "::1",
  "::",
  "fe80::1",
  "fd12:3456::1",
  "::ffff:192.168.0.1",
  "localhost",
  "relay.localhost",
])("%s is private", (host) => {
  expect(isPrivate(host)).toBe(true);
});

test.each([
  "8.8.8.8",
  "172.32.0.1",
  "100.128.0.1",
  "192.169.0.1",
  "2001:db8::1",
  "::ffff:8.8.8.8",
  "relay.example.org",
  "10.example.org",
  "999.1.1.1",
])("%s is not private", (host) => {
  expect(isPrivate(host)).toBe(false);
});

test("of IPv6 a /64 is one network, of IPv4 an address, however it is written", () => {
  expect(networkOf("2001:db8:1:2::1")).toBe(networkOf("2001:0db8:0001:0002:ffff:ffff:ffff:ffff"));
  expect(networkOf("2001:db8:1:2::1")).not.toBe(networkOf("2001:db8:1:3::1"));
  expect(networkOf("::ffff:203.0.113.9")).toBe("203.0.113.9");
  expect(networkOf("203.0.113.9")).not.toBe(networkOf("203.0.113.10"));
  expect(networkOf("1::2::3")).toBe("1::2::3");
  expect(networkOf("relay.example.org")).toBe("relay.example.org");
});
