import {
  type Announce,
  crewKeys,
  type Entry,
  Keys,
  peerIdOf,
  sealAnnounce,
  sealEntry,
  sealPrivateAnnounce,
  sealPrivateEntry,
  watchKeys,
} from "@tabcast/protocol";
import { expect, test } from "vitest";
import { openReading } from "./reading.ts";
import type { ViewerEvent } from "./types.ts";

const keys = await Keys.generate();
const stream = keys.publicKey;
const broadcaster = peerIdOf((await Keys.generate()).publicKey);
const secrets = await crewKeys(stream, new Uint8Array(32).fill(7));
const announce: Announce = {
  stream: stream.slice(),
  broadcaster,
  addrs: [],
  title: "a stream",
  codec: "avc",
  segmentMs: 2_000,
  rungs: [],
  source: { name: "source", width: 1_280, height: 720, bitrate: 3_000_000 },
  audio: false,
  startedMs: 0,
  newest: 9,
  ended: false,
  atMs: 5,
};
const entry: Entry = {
  stream: stream.slice(),
  broadcaster,
  seq: 3,
  startUs: 0,
  durationUs: 2_000_000,
  capturedMs: 0,
  holders: [],
  tracks: [
    {
      name: "source",
      codecs: "",
      initHash: new Uint8Array(0),
      mediaHash: new Uint8Array(0),
      initLen: 0,
      mediaLen: 0,
      frames: 0,
      holders: [],
      gap: true,
    },
  ],
};

/** A reader with the key of a link, and what it tells. */
function reader(key?: Uint8Array) {
  const told: Extract<ViewerEvent, { type: "locked" }>[] = [];
  const on = (event: (typeof told)[number]) => void told.push(event);
  const reading = openReading({ stream, keys: key && watchKeys(stream, key), on });
  return { reading, told };
}

test("a link with its stream's key reads what is encrypted, and tells of nothing", async () => {
  const { reading, told } = reader(secrets.watch);
  const sealed = await sealPrivateAnnounce(keys, announce, secrets);
  expect(await reading.announce(sealed, {})).toEqual(announce);
  expect(await reading.entry(await sealPrivateEntry(keys, entry, secrets))).toEqual(entry);
  expect(told).toEqual([]);
});

test("a link with a key takes nothing that is said in the open, and says that its key is wrong", async () => {
  const { reading, told } = reader(secrets.watch);
  for (let i = 0; i < 2; i++)
    expect(await reading.announce(await sealAnnounce(keys, announce), {})).toBeUndefined();
  expect(await reading.entry(await sealEntry(keys, entry))).toBeUndefined();
  expect(told).toEqual([{ type: "locked", key: "wrong" }]);
});

test("a link with another stream's key reads nothing, and says so once", async () => {
  const { reading, told } = reader(new Uint8Array(32).fill(1));
  const sealed = await sealPrivateAnnounce(keys, announce, secrets);
  const refused = expect.objectContaining({ code: "PROTOCOL_ENCRYPTED" });
  for (let i = 0; i < 2; i++) await expect(reading.announce(sealed, {})).rejects.toThrow(refused);
  const line = await sealPrivateEntry(keys, entry, secrets);
  await expect(reading.entry(line)).rejects.toThrow(refused);
  expect(told).toEqual([{ type: "locked", key: "wrong" }]);
});

test("a link without a key hears that the stream is private from the stream alone, once", async () => {
  const { reading, told } = reader();
  const stranger = await Keys.generate();
  const other = { ...announce, stream: stranger.publicKey.slice() };
  // Of another stream of the shard, and in this one's name by somebody else.
  const theirs = await crewKeys(stranger.publicKey, new Uint8Array(32).fill(7));
  expect(
    await reading.announce(await sealPrivateAnnounce(stranger, other, theirs), {}),
  ).toBeUndefined();
  const forged = await sealPrivateAnnounce(stranger, announce, secrets);
  await expect(reading.announce(forged, {})).rejects.toThrow(
    expect.objectContaining({ code: "PROTOCOL_SIGNER" }),
  );
  expect(told).toEqual([]);
  const sealed = await sealPrivateAnnounce(keys, announce, secrets);
  for (let i = 0; i < 2; i++) expect(await reading.announce(sealed, {})).toBeUndefined();
  expect(await reading.entry(await sealPrivateEntry(keys, entry, secrets))).toBeUndefined();
  expect(told).toEqual([{ type: "locked", key: "missing" }]);
  expect(await reading.announce(await sealAnnounce(keys, announce), {})).toEqual(announce);
});
