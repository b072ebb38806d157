/**
 * The HTTP headers that every page of a network is served with, by whatever server: what the page may load and whom it may reach.
 * They name the origins of the network's configuration and no others, so a script that got into a page has nobody to send keys to.
 */
import type { NetworkConfig } from "./config.ts";

/** `ws://host:port` of a relay's multiaddr; undefined where it names no WebSocket. */
export function webSocketOrigin(relay: string): string | undefined {
  const [, family = "", host = "", tcp, port = "", ...rest] = relay.split("/");
  if (!["ip4", "ip6", "dns", "dns4", "dns6"].includes(family)) return undefined;
  if (tcp !== "tcp" || !/^\d{1,5}$/.test(port)) return undefined;
  if (!/^[A-Za-z0-9.:-]+$/.test(host)) return undefined;
  const scheme = rest.includes("wss") || rest[0] === "tls" ? "wss" : "ws";
  if (scheme === "ws" && rest[0] !== "ws") return undefined;
  return `${scheme}://${family === "ip6" ? `[${host}]` : host}:${port}`;
}

/** Whom the pages of a network reach over HTTP and WebSocket, each once. STUN and TURN are not for such rules. */
function reached({ relays, chain }: NetworkConfig): readonly string[] {
  const { rpc, witness, faucet } = chain;
  const servers = [rpc, witness, faucet].filter((url) => url !== undefined);
  const origins = servers.map((url) => new URL(url).origin);
  return [...new Set([...relays.map(webSocketOrigin), ...origins])].filter(
    (origin) => origin !== undefined,
  );
}

/** By name, in lower case. Without a configuration a page reaches its own server only. */
export function pageHeaders(config?: NetworkConfig): Readonly<Record<string, string>> {
  const connect = ["'self'", ...(config ? reached(config) : [])];
  const policy: readonly (readonly string[])[] = [
    ["default-src", "'none'"],
    // WebAssembly: the AAC encoder.
    ["script-src", "'self'", "'wasm-unsafe-eval'"],
    ["worker-src", "'self'"],
    ["style-src", "'self'"],
    ["img-src", "'self'", "data:", "blob:"],
    ["media-src", "'self'", "blob:"],
    ["connect-src", ...connect],
    ["base-uri", "'none'"],
    ["form-action", "'none'"],
    ["frame-ancestors", "'none'"],
    ["require-trusted-types-for", "'script'"],
    ["trusted-types", "default"],
  ];
  return {
    "content-security-policy": policy.map((words) => words.join(" ")).join("; "),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy":
      "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=()",
    // The link of a stream is nobody else's business.
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    // For browsers that do not know `frame-ancestors`.
    "x-frame-options": "DENY",
  };
}
