import { type Domain, type Hex, type PotConfig, type Purse, Wire } from "@tabcast/channel";
import { LIVE } from "@tabcast/market";
import { memory, memoryNetwork } from "@tabcast/mesh";
import { Accept, Keys, type Offer, PROTOCOLS, peerIdOf, sealAward } from "@tabcast/protocol";
import { fromHex, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { ask } from "../exchange.ts";
import { openGate } from "../gate.ts";
import type { Audits } from "./audits.ts";
import { serveAwards } from "./awards.ts";
import type { Bidding } from "./bidding.ts";
import { openPlaces } from "./places.ts";

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

/** A worker that has bid on one offer, and whose look at the pot ends when the test says so. */
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
  const looks: (() => void)[] = [];
  let drawn: Uint8Array | undefined = DRAWN;
  const places = openPlaces({ mesh: ours, clock: systemClock, on() {}, quitted() {}, signal });
  const state = { shut: false };
  serveAwards({
    mesh: ours,
    purse: {
      payee: address("d"),
      lane: 3,
      trust: () => new Promise<Hex>((resolve) => looks.push(() => resolve("0x01"))),
    } as unknown as Purse,
    clock: systemClock,
    gate: openGate(LIVE, systemClock, () => {}),
    bidding: {
      offer: (id) => (id[0] === 8 ? another : offer),
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
    places,
    audits: { begin() {} } as unknown as Audits,
    self: () => ({
      self: ours.self,
      price: 1n,
      capabilities: [{ codec: "avc", pixelsPerSecond: 1e9 }],
      free: 1,
      shut: state.shut,
      tags: [],
      crews: [],
      lists: { allow: [], deny: [] },
      working: places.all().map(({ stream }) => stream),
    }),
    on() {},
    signal,
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
  const looking = (count: number) => expect.poll(() => looks.length).toBe(count);
  const bidAgain = () => {
    drawn = DRAWN;
  };
  return { award, looks, looking, places, state, bidAgain };
}
const stream = Buffer.from(keys.publicKey).toString("hex");

test("an award whose pot is good is a place, and the same again is the same place", async () => {
  const { award, looks, looking, places } = await open();
  const first = award(1);
  await looking(1);
  const again = award(1);
  await looking(2);
  looks[0]?.();
  expect(await first).toBe("ok");
  const [place] = places.all();
  looks[1]?.();
  expect(await again).toBe("ok");
  expect(places.all()).toEqual([place]);
});

test("a newer award that is taken while an older one's pot is looked at stays", async () => {
  const { award, looks, looking, places } = await open();
  const older = award(1);
  await looking(1);
  const newer = award(2);
  await looking(2);
  looks[1]?.();
  expect(await newer).toBe("ok");
  looks[0]?.();
  expect(await older).toBe("gone");
  expect(places.epoch(stream)).toBe(2);
  expect(places.all().map(({ award: { epoch } }) => epoch)).toEqual([2]);
});

test("an owner who pauses while a pot is looked at is not hired", async () => {
  const { award, looks, looking, places, state } = await open();
  const asked = award(1);
  await looking(1);
  state.shut = true;
  looks[0]?.();
  expect(await asked).toBe("closed");
  expect(places.all()).toEqual([]);
});

test("an award whose id the bid did not draw is refused before its pot is looked at", async () => {
  const { award, looks } = await open();
  expect(await award(1, { id: new Uint8Array(16).fill(2) })).toBe("gone");
  expect(looks).toHaveLength(0);
});

test("an award id that was taken is refused under another epoch, for another stream, and when its place is over", async () => {
  const { award, looks, looking, places } = await open();
  const taken = award(1);
  await looking(1);
  looks[0]?.();
  expect(await taken).toBe("ok");
  const [place] = places.all();
  if (place === undefined) throw new Error("no place");
  expect(await award(2)).toBe("gone");
  expect(await award(1, { by: others, offerId: 8 })).toBe("gone");
  places.leave(place);
  expect(await award(1)).toBe("gone");
  expect(await award(2)).toBe("gone");
  expect(looks).toHaveLength(1);
});

test("a stream whose epoch made room for 1,024 others is not begun anew by an old award", async () => {
  const { award, looks, looking, places, bidAgain } = await open();
  const first = award(1);
  await looking(1);
  looks[0]?.();
  await first;
  const [place] = places.all();
  if (place === undefined) throw new Error("no place");
  places.leave(place);
  for (let i = 0; i < 1_024; i++) {
    const other = { ...place.award, id: new Uint8Array(16).fill(9), stream: new Uint8Array(32) };
    new DataView(other.stream.buffer).setUint32(0, i);
    places.take({ ...place, award: other });
    places.leave(places.all()[0] as typeof place);
  }
  expect(places.epoch(stream)).toBe(0);
  expect(await award(1)).toBe("gone");
  bidAgain();
  const anew = award(1);
  await looking(2);
  looks[1]?.();
  expect(await anew).toBe("ok");
});
