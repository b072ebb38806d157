import { BitsPerSecond } from "@tabcast/runtime";
import { afterEach, expect, test, vi } from "vitest";
import { openLane, videoTrackOf } from "./lane.ts";
import { Rates } from "./rate.ts";

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));
const described = (avcC: string, first: string) =>
  videoTrackOf(
    "avc",
    { width: 426, height: 240 },
    12_800,
    { codec: "avc1.4d0015", description: bytes(avcC) },
    bytes(first),
  ).description;

// What Firefox 153.8.0esr with Debian's libavcodec59 gave for 426x240 at 400 kbit/s: avcC, and the head of its first packet.
const SPS = "674d4015eca0d8ff2708000003000800f4240078b16cb0";
const PPS = "68ebecb2";
const firefox = {
  avcC: `014d40150301001867${SPS}01000568${PPS}`,
  packet: `00000017${SPS}00000004${PPS}0000000565b8040abc`,
};

test("an avcC whose parameter sets begin twice is made anew from those of the first packet", () => {
  const made = described(firefox.avcC, firefox.packet);
  expect(made).toEqual(bytes(`014d4015ffe10017${SPS}010004${PPS}`));
});

test("an avcC stays as the encoder gave it where its packets carry no parameter sets", () => {
  const avcC = `014d4015ffe10017${SPS}010004${PPS}`;
  expect(described(avcC, "0000000565b8040abc")).toEqual(bytes(avcC));
});

test("an avcC with lengths of fewer than four bytes stays as the encoder gave it", () => {
  const avcC = `014d4015fde10017${SPS}010004${PPS}`;
  expect(described(avcC, `0017${SPS}0004${PPS}000565b8040abc`)).toEqual(bytes(avcC));
});

/** What an encoder is configured with in a browser that takes what `takes` says; hardware it has none. */
async function configured(takes: (config: VideoEncoderConfig) => boolean) {
  const configs: VideoEncoderConfig[] = [];
  vi.stubGlobal(
    "VideoEncoder",
    class {
      static async isConfigSupported(config: VideoEncoderConfig) {
        const supported = config.hardwareAcceleration !== "prefer-hardware" && takes(config);
        return { supported };
      }
      configure(config: VideoEncoderConfig) {
        configs.push(config);
      }
    },
  );
  const rung = { name: "240p", width: 426, height: 240, bitrate: BitsPerSecond.of(250_000) };
  const rates = new Rates();
  // Two seconds of 70 % of what was wanted.
  rates.learn("avc", rung, { bytes: 43_750, seconds: 2 });
  const nothing = () => {};
  await openLane("avc", rung, 25, "no-preference", nothing, nothing, { rates });
  return configs;
}

afterEach(() => vi.unstubAllGlobals());

test("software that refuses temporal layers is asked for the learnt bitrate all the same", async () => {
  const [layered] = await configured(() => true);
  expect(layered).toMatchObject({ scalabilityMode: "L1T2", bitrate: 300_000 });
  const [plain] = await configured(({ scalabilityMode }) => scalabilityMode === undefined);
  expect(plain?.bitrate).toBe(300_000);
  expect(plain).not.toHaveProperty("scalabilityMode");
});

test("software that refuses the learnt bitrate too is asked for the rung's", async () => {
  const [own] = await configured(({ bitrate }) => bitrate === 250_000);
  expect(own?.bitrate).toBe(250_000);
});
