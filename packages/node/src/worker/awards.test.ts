import { type Domain, type Hex, type PotConfig, type Purse, Wire } from "@tabcast/channel";
import { LIVE } from "@tabcast/market";
import { memory, memoryNetwork } from "@tabcast/mesh";
import { Accept, Keys, type Offer, PROTOCOLS, peerIdOf, sealAward } from "@tabcast/protocol";
import { fromHex, secureRandom, systemClock, toHex } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { ask } from "../exchange.ts";
import { openRateLimiter } from "../rate-limiter.ts";
import type { Audits } from "./audits.ts";
import { serveAwards } from "./awards.ts";
import type { Bidding, Heard } from "./bidding.ts";
import { openEngagements } from "./engagements.ts";

const address = (digit: string): Hex => `0x${digit.repeat(40)}`;
const domain: Domain = { chainId: 1, contract: address("c") };
const pot: PotConfig = {
  payer: address("a"),
  signer: address("b"),
  token: address("0"),
  challengePeriod: 900,
  salt: `0x${"1".repeat(64)}`,
};
const keys = await Keys.generate();
const others = await Keys.generate();
/** What the worker's bids have drawn. */
const DRAWN = new Uint8Array(16).fill(1);

/** A worker that has bid on one offer, and whose reading of the pot ends when the test says so. */
async function open() {
  const network = memoryNetwork();
  const [theirs, ours] = [1, 2].map((id) =>
    memory(network, { self: peerIdOf(new Uint8Array(32).fill(id)) }),
  ) as [ReturnType<typeof memory>, ReturnType<typeof memory>];
  const { signal } = new AbortController();
  const offer = {
    id: new Uint8Array(16).fill(7),
    stream: keys.publicKey,
    broadcaster: theirs.self,
    codec: "avc",
    maxPrice: 10n,
  } as Offer;
  const another = { ...offer, id: new Uint8Array(16).fill(8), stream: others.publicKey } as Offer;
  const reads: (() => void)[] = [];
  let drawn: Uint8Array | undefined = DRAWN;
  const context = { mesh: ours, clock: systemClock, random: secureRandom, on() {}, signal };
  const engagements = openEngagements(context, { quitted() {} });
  const state = { shut: false, opens: true, belongs: true };
  const heard = (of: Offer): Heard => ({ offer: of, crewKeys: undefined, parts: 1 });
  const [first, second] = [heard(offer), heard(another)];
  serveAwards(context, {
    purse: {
      payee: address("d"),
      lane: 3,
      trust: () => new Promise<Hex>((resolve) => reads.push(() => resolve("0x01"))),
    } as unknown as Purse,
    limiter: openRateLimiter({ clock: systemClock }, LIVE, () => {}),
    bidding: {
      heard: (id) => (id[0] === 8 ? second : first),
      forget() {},
      reconsider() {},
    } satisfies Bidding,
    ids: {
      draw: () => DRAWN,
      of: () => drawn,
      taken() {
        drawn = undefined;
      },
    },
    engagements,
    credit: { opens: () => state.opens },
    audits: { begin() {} } as unknown as Audits,
    belongs: ({ stream, crewKeys }) =>
      state.belongs && stream === toHex(keys.publicKey) && crewKeys === undefined,
    self: () => ({
      self: ours.self,
      price: 1n,
      capabilities: [{ codec: "avc", pixelsPerSecond: 1e9 }],
      free: 1,
      shut: state.shut,
      tags: [],
      crews: [],
      lists: { allow: [], deny: [] },
      working: engagements.all().map(({ stream }) => stream),
    }),
  });
  const award = async (epoch: number, { by = keys, offerId = 7, id = DRAWN } = {}) => {
    const sealed = await sealAward(by, {
      id,
      offer: new Uint8Array(16).fill(offerId),
      stream: by.publicKey,
      worker: ours.self,
      epoch,
      role: "crew",
      price: 5n,
      payee: fromHex(address("d").slice(2)),
      lane: 3,
      pot: Wire.fromPot(domain, pot),
    });
    const reply = await ask(theirs, ours.self, PROTOCOLS.award, sealed, { signal });
    const { ok, why } = Accept.decode(reply.head);
    return ok ? "ok" : why;
  };
  const reading = (count: number) => expect.poll(() => reads.length).toBe(count);
  const bidAgain = () => {
    drawn = DRAWN;
  };
  return { award, reads, reading, engagements, state, bidAgain };
}
const stream = Buffer.from(keys.publicKey).toString("hex");

test("an award whose pot is good is an engagement, and the same again is the same engagement", async () => {
  const { award, reads, reading, engagements } = await open();
  const first = award(1);
  await reading(1);
  const again = award(1);
  await reading(2);
  reads[0]?.();
  expect(await first).toBe("ok");
  const [engagement] = engagements.all();
  reads[1]?.();
  expect(await again).toBe("ok");
  expect(engagements.all()).toEqual([engagement]);
});

test("a newer award that is taken while an older one's pot is read stays", async () => {
  const { award, reads, reading, engagements } = await open();
  const older = award(1);
  await reading(1);
  const newer = award(2);
  await reading(2);
  reads[1]?.();
  expect(await newer).toBe("ok");
  reads[0]?.();
  expect(await older).toBe("gone");
  expect(engagements.epoch(stream)).toBe(2);
  expect(engagements.all().map(({ award: { epoch } }) => epoch)).toEqual([2]);
});

test.each([
  ["an owner who pauses", { shut: true }, "closed"],
  ["a stream whose crew is left, or joined,", { belongs: false }, "gone"],
])("%s while a pot is read makes no engagement", async (_, change, why) => {
  const { award, reads, reading, engagements, state } = await open();
  const asked = award(1);
  await reading(1);
  Object.assign(state, change);
  reads[0]?.();
  expect(await asked).toBe(why);
  expect(engagements.all()).toEqual([]);
});

test("a broadcaster has no more than four pots read at once", async () => {
  const { award, reads, reading } = await open();
  const asked = [1, 2, 3, 4].map((epoch) => award(epoch));
  await reading(4);
  expect(await award(5)).toBe("busy");
  expect(reads).toHaveLength(4);
  for (const read of reads) read();
  await Promise.all(asked);
});

test("an award from a pot that left too much unpaid is refused", async () => {
  const { award, reads, reading, engagements, state } = await open();
  const asked = award(1);
  await reading(1);
  state.opens = false;
  reads[0]?.();
  expect(await asked).toBe("pot: what it owes us is unpaid");
  expect(engagements.all()).toEqual([]);
});

test("an award whose id the bid did not draw is refused before its pot is read", async () => {
  const { award, reads } = await open();
  expect(await award(1, { id: new Uint8Array(16).fill(2) })).toBe("gone");
  expect(reads).toHaveLength(0);
});

test("an award id that was taken is refused under another epoch, for another stream, and when its engagement is over", async () => {
  const { award, reads, reading, engagements } = await open();
  const taken = award(1);
  await reading(1);
  reads[0]?.();
  expect(await taken).toBe("ok");
  const [engagement] = engagements.all();
  if (engagement === undefined) throw new Error("no engagement");
  expect(await award(2)).toBe("gone");
  expect(await award(1, { by: others, offerId: 8 })).toBe("gone");
  engagements.leave(engagement);
  expect(await award(1)).toBe("gone");
  expect(await award(2)).toBe("gone");
  expect(reads).toHaveLength(1);
});

test("a stream whose epoch made room for 1,024 others is not begun anew by an old award", async () => {
  const { award, reads, reading, engagements, bidAgain } = await open();
  const first = award(1);
  await reading(1);
  reads[0]?.();
  await first;
  const [engagement] = engagements.all();
  if (engagement === undefined) throw new Error("no engagement");
  engagements.leave(engagement);
  for (let i = 0; i < 1_024; i++) {
    const other = {
      ...engagement.award,
      id: new Uint8Array(16).fill(9),
      stream: new Uint8Array(32),
    };
    new DataView(other.stream.buffer).setUint32(0, i);
    engagements.take({ ...engagement, award: other });
    engagements.leave(engagements.all()[0] as typeof engagement);
  }
  expect(engagements.epoch(stream)).toBe(0);
  expect(await award(1)).toBe("gone");
  bidAgain();
  const anew = award(1);
  await reading(2);
  reads[1]?.();
  expect(await anew).toBe("ok");
});
