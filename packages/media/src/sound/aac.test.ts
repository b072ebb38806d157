import { expect, test } from "vitest";
import { readAdts, readSpecific, silentAac, writeSpecific } from "./aac.ts";

test("an AudioSpecificConfig says the core coder's rate, also where SBR doubles what is heard", () => {
  expect(readSpecific(Uint8Array.of(0x12, 0x10))).toEqual({
    rate: 44_100,
    channels: 2,
    samples: 1024,
  });
  // Type 5, 24 kHz, stereo, heard at 48 kHz, with AAC-LC inside.
  expect(readSpecific(Uint8Array.of(0x2b, 0x11, 0x88, 0x00))).toMatchObject({
    rate: 24_000,
    channels: 2,
  });
  // A rate that is in no table: index 15, then 24 bits.
  expect(readSpecific(Uint8Array.of(0x17, 0x80, 0x3e, 0x80, 0x08))).toMatchObject({
    rate: 32_000,
    channels: 1,
  });
});

test("what is written is read back, for every rate and channel configuration", () => {
  for (const rate of [7_350, 8_000, 22_050, 44_100, 48_000, 96_000])
    for (let channels = 1; channels <= 7; channels++)
      expect(readSpecific(writeSpecific(rate, channels) as Uint8Array)).toEqual({
        rate,
        channels,
        samples: 1024,
      });
  expect(writeSpecific(12_345, 2)).toBeUndefined();
});

test("a config that is cut short, empty or reserved is none", () => {
  for (const bytes of [[], [0x12], [0x17, 0x80], [0x16, 0x90], [0x17, 0x80, 0, 0, 0x08]])
    expect(readSpecific(Uint8Array.from(bytes))).toBeUndefined();
});

test("an ADTS header gives its config and its length; anything else is none", () => {
  const header = [0xff, 0xf1, 0x4c, 0x80, 0x02, 0x1f, 0xfc];
  expect(readAdts(Uint8Array.from(header))).toEqual({
    rate: 48_000,
    channels: 2,
    samples: 1024,
    specific: Uint8Array.of(0x11, 0x90),
    bytes: 7,
  });
  expect(readAdts(Uint8Array.from([0xff, 0xf0, ...header.slice(2)]))?.bytes).toBe(9);
  for (const bytes of [[], [0xff], [0xff, 0xe1, 0x4c, 0x80], [0xff, 0xf1, 0x7c, 0x80]])
    expect(readAdts(Uint8Array.from(bytes))).toBeUndefined();
});

test("silence is known for the usual layouts only", () => {
  expect(silentAac(1)).toHaveLength(4);
  for (const channels of [0, 4, 7, 255]) expect(silentAac(channels)).toBeUndefined();
});
