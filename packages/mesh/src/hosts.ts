/** What can be told from a host's address. */
import type { Multiaddr } from "@multiformats/multiaddr";

/** The four bytes of a dotted IPv4 address, undefined if it is none. */
function ip4(host: string): readonly number[] | undefined {
  const parts = host.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte < 256) ? bytes : undefined;
}

/** The eight groups of an IPv6 address, undefined if it is none. */
function ip6(host: string): readonly number[] | undefined {
  const [plain = ""] = host.toLowerCase().split("%");
  const [head = "", tail, ...more] = plain.split("::");
  if (more.length > 0 || !plain.includes(":")) return undefined;
  const groups = (part: string) =>
    part === ""
      ? []
      : part.split(":").flatMap((group) => {
          const bytes = ip4(group);
          if (bytes !== undefined)
            return [
              (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0),
              (bytes[2] ?? 0) * 256 + (bytes[3] ?? 0),
            ];
          return [/^[0-9a-f]{1,4}$/.test(group) ? Number.parseInt(group, 16) : Number.NaN];
        });
  const [first, last] = [groups(head), groups(tail ?? "")];
  const missing = 8 - first.length - last.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const all = [...first, ...Array.from({ length: missing }, () => 0), ...last];
  return all.some(Number.isNaN) ? undefined : all;
}

/** The IPv4 address inside `::ffff:a.b.c.d`, as sockets that listen on both kinds name their IPv4 peers. */
function mapped(groups: readonly number[]): string | undefined {
  if (!groups.slice(0, 5).every((group) => group === 0) || groups[5] !== 0xffff) return undefined;
  const [high = 0, low = 0] = groups.slice(6);
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

/** Loopback, link-local, private (RFC 1918, RFC 4193), carrier-grade NAT (RFC 6598), or unspecified; a name only if "localhost". */
export function isPrivate(host: string): boolean {
  const bytes = ip4(host);
  if (bytes !== undefined) {
    const [a = 0, b = 0] = bytes;
    return (
      [0, 10, 127].includes(a) ||
      (a === 169 && b === 254) ||
      (a === 172 && b >= 16 && b < 32) ||
      (a === 192 && b === 168) ||
      (a === 100 && b >= 64 && b < 128)
    );
  }
  const groups = ip6(host);
  if (groups === undefined) return /(^|\.)localhost$/i.test(host);
  const inside = mapped(groups);
  if (inside !== undefined) return isPrivate(inside);
  const [first = 0] = groups;
  return (
    (groups.slice(0, 7).every((group) => group === 0) && (groups[7] ?? 0) < 2) ||
    (first & 0xfe00) === 0xfc00 ||
    (first & 0xffc0) === 0xfe80
  );
}

/** What one customer has of the net: an IPv4 address, or a /64 of IPv6. Anything else stands for itself. */
export function networkOf(host: string): string {
  const groups = ip6(host);
  if (groups === undefined) return host;
  return (
    mapped(groups) ??
    `${groups
      .slice(0, 4)
      .map((group) => group.toString(16))
      .join(":")}::/64`
  );
}

/** The network of whoever is at an address, undefined if any number of peers may be there: a private one, or no host at all. */
export function crowdOf(addr: Multiaddr): string | undefined {
  const [host] = addr.getComponents();
  if (host === undefined || !["ip4", "ip6"].includes(host.name) || host.value === undefined)
    return undefined;
  // A proxy on the relay's own machine or network hides all clients behind its address.
  return isPrivate(host.value) ? undefined : networkOf(host.value);
}
