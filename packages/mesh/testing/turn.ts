/**
 * A TURN server on loopback, for tests: UDP, IPv4, and the credentials of a TURN REST service (`use-auth-secret` of coturn).
 * Source: RFC 8489 and RFC 8656; of these only what browsers use.
 */
import { createHash, createHmac } from "node:crypto";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";

const COOKIE = 0x2112a442;
const REALM = "tabcast.test";
const NONCE = "0123456789abcdef";
const HEADER = 20;

const METHODS = { binding: 0x001, allocate: 0x003, refresh: 0x004, send: 0x006, data: 0x007 };
const MORE = { createPermission: 0x008, channelBind: 0x009 };
const [REQUEST, INDICATION, SUCCESS, ERROR] = [0x000, 0x010, 0x100, 0x110];
const ATTRIBUTES = {
  username: 0x0006,
  integrity: 0x0008,
  error: 0x0009,
  channel: 0x000c,
  lifetime: 0x000d,
  peer: 0x0012,
  data: 0x0013,
  realm: 0x0014,
  nonce: 0x0015,
  relayed: 0x0016,
  mapped: 0x0020,
};

interface Message {
  readonly type: number;
  readonly id: Buffer;
  readonly attributes: ReadonlyMap<number, Buffer>;
  readonly whole: Buffer;
}

export interface TurnServer {
  /** For `urls` of an ICE server. */
  readonly url: string;
  /** Requests without valid credentials, besides the first of each client, which has none. */
  refused(): number;
  /** Usernames of the allocations that were made, in their order. */
  users(): readonly string[];
  /** Forgets every allocation: what went through them is lost, as when a client has come to another address. */
  forget(): void;
  close(): Promise<void>;
}

function parse(bytes: Buffer): Message | undefined {
  if (bytes.length < HEADER || bytes.readUInt32BE(4) !== COOKIE) return undefined;
  const attributes = new Map<number, Buffer>();
  for (let at = HEADER; at + 4 <= bytes.length; ) {
    const size = bytes.readUInt16BE(at + 2);
    const kind = bytes.readUInt16BE(at);
    if (!attributes.has(kind)) attributes.set(kind, bytes.subarray(at + 4, at + 4 + size));
    at += 4 + size + ((4 - (size % 4)) % 4);
  }
  return { type: bytes.readUInt16BE(0), id: bytes.subarray(8, 20), attributes, whole: bytes };
}

function attribute(kind: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(kind, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
}

/** IPv4 only. */
function xorAddress({ address, port }: { address: string; port: number }): Buffer {
  const value = Buffer.alloc(8);
  value[1] = 1;
  value.writeUInt16BE(port ^ (COOKIE >>> 16), 2);
  const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
  value.writeUInt32BE((Buffer.from([a, b, c, d]).readUInt32BE(0) ^ COOKIE) >>> 0, 4);
  return value;
}

function readAddress(value: Buffer | undefined): { address: string; port: number } | undefined {
  if (value === undefined || value.length < 8 || value[1] !== 1) return undefined;
  const ip = Buffer.alloc(4);
  ip.writeUInt32BE((value.readUInt32BE(4) ^ COOKIE) >>> 0, 0);
  return { address: [...ip].join("."), port: value.readUInt16BE(2) ^ (COOKIE >>> 16) };
}

function message(type: number, id: Buffer, attributes: Buffer[], key?: Buffer): Buffer {
  const body = Buffer.concat(attributes);
  const head = Buffer.alloc(8);
  head.writeUInt16BE(type, 0);
  head.writeUInt32BE(COOKIE, 4);
  head.writeUInt16BE(body.length + (key === undefined ? 0 : 24), 2);
  const signed = Buffer.concat([head, id, body]);
  if (key === undefined) return signed;
  const mac = createHmac("sha1", key).update(signed).digest();
  return Buffer.concat([signed, attribute(ATTRIBUTES.integrity, mac)]);
}

/** The key of a request that somebody with valid credentials has signed. */
function keyOf({ attributes, whole }: Message, secret: string): Buffer | undefined {
  const username = attributes.get(ATTRIBUTES.username)?.toString();
  const mac = attributes.get(ATTRIBUTES.integrity);
  if (username === undefined || mac === undefined) return undefined;
  if (Number(username.split(":")[0]) * 1_000 < Date.now()) return undefined;
  const password = createHmac("sha1", secret).update(username).digest("base64");
  const key = createHash("md5").update(`${username}:${REALM}:${password}`).digest();
  const end = mac.byteOffset - whole.byteOffset - 4;
  const signed = Buffer.from(whole.subarray(0, end));
  signed.writeUInt16BE(end + 24 - HEADER, 2);
  return createHmac("sha1", key).update(signed).digest().equals(mac) ? key : undefined;
}

/** One client's port on the public side. */
interface Allocation {
  readonly socket: Socket;
  readonly channels: Map<number, { address: string; port: number }>;
  readonly permitted: Set<string>;
}

async function allocate(toClient: (bytes: Buffer) => void): Promise<Allocation> {
  const socket = createSocket("udp4");
  const channels: Allocation["channels"] = new Map();
  const permitted = new Set<string>();
  socket.on("message", (data, from) => {
    if (!permitted.has(from.address)) return;
    const known = [...channels].find(
      ([, { address, port }]) => address === from.address && port === from.port,
    );
    if (known === undefined) {
      const attributes = [
        attribute(ATTRIBUTES.peer, xorAddress(from)),
        attribute(ATTRIBUTES.data, data),
      ];
      return toClient(message(METHODS.data | INDICATION, Buffer.alloc(12, 7), attributes));
    }
    const head = Buffer.alloc(4);
    head.writeUInt16BE(known[0], 0);
    head.writeUInt16BE(data.length, 2);
    toClient(Buffer.concat([head, data]));
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return { socket, channels, permitted };
}

export async function openTurn({ secret }: { readonly secret: string }): Promise<TurnServer> {
  const server = createSocket("udp4");
  const allocations = new Map<string, Allocation>();
  const users: string[] = [];
  let refused = 0;

  const relay = (from: string, to: { address: string; port: number } | undefined, data: Buffer) => {
    const allocation = allocations.get(from);
    if (allocation === undefined || to === undefined) return;
    if (allocation.permitted.has(to.address)) allocation.socket.send(data, to.port, to.address);
  };

  async function answer(asked: Message, from: RemoteInfo, client: string): Promise<Buffer> {
    const method = asked.type & 0x00f;
    const done = (attributes: Buffer[], key?: Buffer) =>
      message(method | SUCCESS, asked.id, attributes, key);
    const mapped = attribute(ATTRIBUTES.mapped, xorAddress(from));
    if (method === METHODS.binding) return done([mapped]);
    const key = keyOf(asked, secret);
    if (key === undefined) {
      if (asked.attributes.has(ATTRIBUTES.integrity)) refused += 1;
      const why = Buffer.concat([Buffer.from([0, 0, 4, 1]), Buffer.from("Unauthorized")]);
      return message(method | ERROR, asked.id, [
        attribute(ATTRIBUTES.error, why),
        attribute(ATTRIBUTES.realm, Buffer.from(REALM)),
        attribute(ATTRIBUTES.nonce, Buffer.from(NONCE)),
      ]);
    }
    const lifetime = attribute(ATTRIBUTES.lifetime, Buffer.from([0, 0, 2, 88]));
    if (method === METHODS.allocate) {
      const reply = (bytes: Buffer) => server.send(bytes, from.port, from.address);
      const made = allocations.get(client) ?? (await allocate(reply));
      allocations.set(client, made);
      users.push(String(asked.attributes.get(ATTRIBUTES.username)));
      const relayed = attribute(ATTRIBUTES.relayed, xorAddress(made.socket.address()));
      return done([relayed, mapped, lifetime], key);
    }
    const peer = readAddress(asked.attributes.get(ATTRIBUTES.peer));
    const allocation = allocations.get(client);
    if (peer !== undefined) allocation?.permitted.add(peer.address);
    const channel = asked.attributes.get(ATTRIBUTES.channel)?.readUInt16BE(0);
    if (method === MORE.channelBind && peer !== undefined && channel !== undefined)
      allocation?.channels.set(channel, peer);
    if (allocation === undefined) return message(method | ERROR, asked.id, [], key);
    return done(method === METHODS.refresh ? [lifetime] : [], key);
  }

  server.on("message", (bytes, from) => {
    const client = `${from.address}:${from.port}`;
    if (((bytes[0] ?? 0) & 0xc0) === 0x40) {
      const to = allocations.get(client)?.channels.get(bytes.readUInt16BE(0));
      return relay(client, to, bytes.subarray(4, 4 + bytes.readUInt16BE(2)));
    }
    const asked = parse(bytes);
    if (asked === undefined) return;
    if (asked.type === (METHODS.send | INDICATION)) {
      const { attributes } = asked;
      const data = attributes.get(ATTRIBUTES.data) ?? Buffer.alloc(0);
      return relay(client, readAddress(attributes.get(ATTRIBUTES.peer)), data);
    }
    if ((asked.type & 0x110) !== REQUEST) return;
    void answer(asked, from, client).then((reply) => server.send(reply, from.port, from.address));
  });
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `turn:127.0.0.1:${server.address().port}?transport=udp`,
    refused: () => refused,
    users: () => users,
    forget() {
      for (const { socket } of allocations.values()) socket.close();
      allocations.clear();
    },
    async close() {
      for (const { socket } of allocations.values()) socket.close();
      server.close();
    },
  };
}
