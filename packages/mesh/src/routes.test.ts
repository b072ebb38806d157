import { multiaddr } from "@multiformats/multiaddr";
import { seededRandom } from "@tabcast/runtime";
import fc from "fast-check";
import { expect, test } from "vitest";
import { peerIdFromPublicKey } from "./peer-id.ts";
import { configuredRelays, MAX_ADDRS, relaysNamed } from "./routes.ts";

const random = seededRandom(3, "routes");
const id = () => peerIdFromPublicKey(random.bytes(32));
const [one, two, foreign, peer, other] = [id(), id(), id(), id(), id()];
const config = [
  `/dns4/one.example.org/tcp/443/tls/ws/p2p/${one}`,
  `/dns4/two.example.org/tcp/443/wss/p2p/${two}`,
  `/ip6/2001:db8::2/tcp/443/tls/ws/p2p/${two}`,
];
const relays = configuredRelays(config, { local: false });
const via = (relay: string, target = peer, host = "/dns4/evil.example.org/tcp/443/tls/ws") =>
  `${host}/p2p/${relay}/p2p-circuit/webrtc/p2p/${target}`;

test("an address counts for the relay id in it, whatever host stands before it", () => {
  expect(relaysNamed(peer, [via(one), via(two, peer, "/ip4/10.0.0.1/tcp/1/ws")], relays)).toEqual([
    one,
    two,
  ]);
  expect(relays.through(one, peer).toString()).toBe(
    `/dns4/one.example.org/tcp/443/tls/ws/p2p/${one}/p2p-circuit/webrtc/p2p/${peer}`,
  );
});

test("a relay that is not configured, another peer, and what is no address are skipped, not thrown for", () => {
  const bad = [
    via(foreign),
    via(one, other),
    `/dns4/evil.example.org/tcp/443/tls/ws/p2p/${peer}`,
    `/ip4/8.8.8.8/udp/9/webrtc-direct/p2p/${peer}`,
    "not an address",
    "",
    `/p2p/${one}/p2p-circuit/webrtc`,
    `${via(one)}/p2p-circuit/p2p/${other}`,
    `/dns4/${"a".repeat(700)}${via(one)}`,
  ];
  for (const address of bad) expect(relaysNamed(peer, [address], relays)).toEqual([]);
  expect(relaysNamed(peer, ["not an address", via(two)], relays)).toEqual([two]);
});

test("only the first eight addresses of a peer are read, and no relay comes twice", () => {
  const many = Array.from({ length: MAX_ADDRS }, () => via(foreign));
  expect(relaysNamed(peer, [...many, via(one)], relays)).toEqual([]);
  expect(relaysNamed(peer, [...many.slice(1), via(one)], relays)).toEqual([one]);
  expect(relaysNamed(peer, [via(one), via(one, peer, "/ip4/1.2.3.4/tcp/9/ws")], relays)).toEqual([
    one,
  ]);
});

test("whatever a peer gives, nothing is thrown and nothing but configured relays comes out", () => {
  const piece = fc.constantFrom(one, two, foreign, peer, "/p2p/", "/p2p-circuit", "/webrtc", "/ws");
  const anything = fc.oneof(
    fc.string(),
    fc.array(piece).map((parts) => parts.join("")),
    piece,
  );
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 20 }), (given) => {
      for (const named of relaysNamed(peer, given, relays)) expect([one, two]).toContain(named);
    }),
  );
});

test("only configured addresses, and peers' through them, may be dialled", () => {
  for (const address of config) {
    expect(relays.allows(address)).toBe(true);
    expect(relays.allows(`${address}/p2p-circuit/webrtc/p2p/${peer}`)).toBe(true);
    expect(relays.allows(`${address}/p2p-circuit/p2p/${peer}`)).toBe(true);
  }
  for (const address of [
    via(one),
    `/dns4/one.example.org/tcp/443/tls/ws/p2p/${foreign}`,
    `/dns4/one.example.org/tcp/8443/tls/ws/p2p/${one}`,
    `${config[0]}/p2p-circuit/p2p/${peer}/p2p-circuit/p2p/${other}`,
    `${config[0]}x/p2p-circuit/p2p/${peer}`,
    "/dns4/intranet.corp/tcp/8443/tls/ws",
    "/dns4/127.0.0.1.nip.io/tcp/443/tls/ws",
  ])
    expect(relays.allows(address)).toBe(false);
});

test("a local relay is dialled by tabs that are told so, and by no others", () => {
  for (const host of ["/ip4/127.0.0.1/tcp/9001/ws", "/ip4/192.168.1.2/tcp/443/tls/ws"]) {
    const address = multiaddr(`${host}/p2p/${one}`).toString();
    expect(configuredRelays([address], { local: true }).allows(address)).toBe(true);
    expect(configuredRelays([address], { local: false }).allows(address)).toBe(false);
  }
});

test("a relay's addresses are kept together, and one without an id is refused", () => {
  expect(relays.ids).toEqual([one, two]);
  expect(relays.addresses(two)).toHaveLength(2);
  for (const address of [
    "nonsense",
    "/dns4/one.example.org/tcp/443/tls/ws",
    via(one).slice(0, -60),
  ])
    expect(() => configuredRelays([address], { local: true })).toThrow(
      expect.objectContaining({ code: "MESH_BAD_ADDRESS" }),
    );
});
