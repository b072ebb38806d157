import { BitsPerSecond, concatBytes } from "@tabcast/runtime";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { never } from "../../test/clip.ts";
import { segmentOf } from "../../test/segment.ts";
import { chunked, fed } from "../../test/stream.ts";
import { structureOf } from "../inspect/structure.ts";
import type { Fragment, Rung, TranscodeRequest } from "../types.ts";
import { measureBriefly, measureHere } from "./measure.ts";
import { transcodeSegment } from "./transcode.ts";

const RealEncoder = VideoEncoder;
const RealDecoder = VideoDecoder;
const FRAMES = 30;
const rungs: Rung[] = [
  { name: "a", width: 160, height: 90, bitrate: BitsPerSecond.of(200_000) },
  { name: "b", width: 96, height: 54, bitrate: BitsPerSecond.of(100_000) },
];

/** How coders fail: the `nth` one of its kind to be given work, at a frame, with an error of this name. */
interface Fault {
  readonly coder: "encoder" | "decoder";
  readonly name: string;
  readonly frame: number;
  /** Coders of this kind that fail, counted as they are opened, from 0; `open` coders were open before. */
  readonly fails: (nth: number, open: number) => boolean;
}

/**
 * Puts coders in the place of the browser's that are the browser's in everything but this: some fail as Chromium's do
 * when they are reclaimed or lose their process, which closes them and then tells. `hardware` makes the browser answer
 * that it has some, or nothing else. Returns every coder opened.
 */
function faulty(fault: Fault | undefined, hardware: boolean | "only" = false) {
  const opened: { coder: VideoEncoder | VideoDecoder; acceleration: string | undefined }[] = [];
  const counts = { encoder: 0, decoder: 0 };
  const strike = (
    kind: Fault["coder"],
    coder: VideoEncoder | VideoDecoder,
    tell: (e: DOMException) => void,
  ) => {
    const nth = counts[kind]++;
    const open = opened.filter((each) => each.coder.state !== "closed").length;
    const fails = fault?.coder === kind && fault.fails(nth, open);
    let frame = 0;
    return () => {
      if (!fails || frame++ !== fault.frame) return false;
      const { name } = fault;
      queueMicrotask(() => {
        if (coder.state === "closed") return;
        coder.close();
        tell(new DOMException("the coder was taken away", name));
      });
      return true;
    };
  };
  const answer = <C extends { hardwareAcceleration?: HardwareAcceleration }>(config: C) =>
    hardware && config.hardwareAcceleration === "prefer-hardware"
      ? { ...config, hardwareAcceleration: "no-preference" as const }
      : config;
  class Encoder extends RealEncoder {
    readonly #strikes: () => boolean;
    constructor(init: VideoEncoderInit) {
      super(init);
      this.#strikes = strike("encoder", this, init.error);
    }
    static override async isConfigSupported(config: VideoEncoderConfig) {
      if (hardware === "only" && config.hardwareAcceleration === "prefer-software")
        return { supported: false, config };
      return RealEncoder.isConfigSupported(answer(config));
    }
    override configure(config: VideoEncoderConfig) {
      opened.push({ coder: this, acceleration: config.hardwareAcceleration });
      super.configure(answer(config));
    }
    override encode(frame: VideoFrame, options?: VideoEncoderEncodeOptions) {
      if (!this.#strikes()) super.encode(frame, options);
    }
  }
  class Decoder extends RealDecoder {
    readonly #strikes: () => boolean;
    constructor(init: VideoDecoderInit) {
      super(init);
      this.#strikes = strike("decoder", this, init.error);
    }
    static override isConfigSupported(config: VideoDecoderConfig) {
      return RealDecoder.isConfigSupported(answer(config));
    }
    override configure(config: VideoDecoderConfig) {
      opened.push({ coder: this, acceleration: config.hardwareAcceleration });
      super.configure(answer(config));
    }
    override decode(chunk: EncodedVideoChunk) {
      if (!this.#strikes()) super.decode(chunk);
    }
  }
  vi.stubGlobal("VideoEncoder", Encoder);
  vi.stubGlobal("VideoDecoder", Decoder);
  return opened;
}

let source: Fragment;
beforeAll(async () => {
  source = await segmentOf("avc", [{ width: 192, height: 108, frames: FRAMES }]);
});
afterEach(() => vi.unstubAllGlobals());

const request = (more: Partial<TranscodeRequest> = {}): TranscodeRequest => ({
  init: source.init,
  media: source.media.slice(),
  codec: "avc",
  rungs,
  ...more,
});
const allClosed = (opened: ReturnType<typeof faulty>) =>
  expect(opened.map(({ coder }) => coder.state)).toEqual(opened.map(() => "closed"));

const reclaimed = { coder: "encoder", name: "QuotaExceededError", frame: 12 } as const;
const survived: [string, Fault | undefined, boolean][] = [
  ["where nothing fails", undefined, false],
  [
    "an encoder that is reclaimed in mid-segment",
    { ...reclaimed, fails: (nth) => nth === 1 },
    false,
  ],
  [
    "an encoder that is reclaimed twice",
    { ...reclaimed, fails: (nth) => nth === 1 || nth === 2 },
    false,
  ],
  [
    "that no encoder is left at the first frame",
    { ...reclaimed, frame: 0, fails: (nth) => nth === 0 },
    true,
  ],
  [
    "a decoder that is reclaimed",
    { ...reclaimed, coder: "decoder", fails: (nth) => nth === 0 },
    false,
  ],
  [
    "a GPU that is lost under an encoder",
    { coder: "encoder", name: "OperationError", frame: 20, fails: (nth) => nth === 0 },
    true,
  ],
  [
    "a GPU that is lost under the decoder",
    { coder: "decoder", name: "EncodingError", frame: 20, fails: (nth) => nth === 0 },
    true,
  ],
];

describe("a job survives", () => {
  for (const [name, fault, hardware] of survived) {
    test(`${name}, with the whole segment at hand`, async () => {
      const opened = faulty(fault, hardware);
      const { renditions, hardware: coded } = await transcodeSegment(request(), { signal: never });
      for (const { init, media } of renditions)
        expect(structureOf(init, media)).toMatchObject({
          frames: FRAMES,
          startsWithKey: true,
          timestamps: structureOf(source.init, source.media).timestamps,
        });
      expect(coded).toBe("sw");
      if (fault) expect(opened.at(-1)?.acceleration).toBe("prefer-software");
      allClosed(opened);
    });

    test(`${name}, while the segment is coming`, async () => {
      const opened = faulty(fault, hardware);
      const { stream, controller } = fed();
      let told = 0;
      const early = Promise.withResolvers<void>();
      /** By rung, what was told last of each place; a second encoder begins at zero. */
      const made = new Map<number, Uint8Array[]>();
      const job = transcodeSegment(request({ media: stream }), {
        signal: never,
        made: ({ rung, at, bytes }) => {
          if (at === 0) made.set(rung, []);
          made.get(rung)?.push(bytes);
        },
        progress: (frames) => {
          expect(frames).toBeGreaterThanOrEqual(told);
          told = frames;
          early.resolve();
        },
      });
      const chunks = chunked(source, 5);
      for (const chunk of chunks.slice(0, -1)) controller.enqueue(chunk);
      await early.promise;
      controller.enqueue(chunks.at(-1) as Uint8Array<ArrayBuffer>);
      controller.close();
      for (const [i, { frames, media, headLen }] of (await job).renditions.entries()) {
        expect(frames).toBe(FRAMES);
        expect(concatBytes(...(made.get(i) ?? []))).toEqual(media.slice(headLen));
      }
      expect(told).toBe(FRAMES);
      allClosed(opened);
    });
  }
});

describe("a job", () => {
  test("fails after three tries when its coders are taken away again and again", async () => {
    const opened = faulty({ ...reclaimed, fails: () => true });
    const { stream, controller, cancelled } = fed();
    controller.enqueue(source.media.slice()); // and never closes
    await expect(
      transcodeSegment(request({ media: stream }), { signal: never }),
    ).rejects.toMatchObject({
      reason: { code: "MEDIA_RECLAIMED", codec: "avc", tries: 3 },
    });
    await cancelled;
    expect(opened).toHaveLength(3 * 3);
    allClosed(opened);
  });

  test("fails at once when software fails, which would fail again", async () => {
    const opened = faulty({
      coder: "encoder",
      name: "OperationError",
      frame: 3,
      fails: () => true,
    });
    await expect(transcodeSegment(request(), { signal: never })).rejects.toMatchObject({
      code: "MEDIA_ENCODER",
    });
    expect(opened).toHaveLength(3);
    allClosed(opened);
  });
});

describe("a job's result", () => {
  for (const [hardware, acceleration, coded] of [
    [false, "no-preference", "sw"],
    [false, "prefer-hardware", "sw"],
    [true, "no-preference", "unknown"],
    [true, "prefer-hardware", "hw"],
    [true, "prefer-software", "sw"],
  ] as const)
    test(`says ${coded} with ${acceleration} ${hardware ? "where there is" : "without"} hardware`, async () => {
      faulty(undefined, hardware);
      const result = await transcodeSegment(request({ acceleration }), { signal: never });
      expect(result.hardware).toBe(coded);
    });
});

describe("a picture that changes in mid-segment", () => {
  for (const codec of ["vp9", "av1"] as const) {
    test(`is scaled in ${codec} where it keeps its shape`, async () => {
      const sizes = [192, 96, 192].map((width) => ({ width, height: (width * 9) / 16, frames: 4 }));
      const changing = await segmentOf(codec, sizes);
      const { renditions } = await transcodeSegment(request(changing), { signal: never });
      for (const { frames } of renditions) expect(frames).toBe(12);
    });

    test(`is refused in ${codec} with its time where its shape changes`, async () => {
      const changing = await segmentOf(codec, [
        { width: 192, height: 108, frames: 4 },
        { width: 108, height: 192, frames: 4 },
      ]);
      await expect(transcodeSegment(request(changing), { signal: never })).rejects.toMatchObject({
        reason: { code: "MEDIA_RESIZED", at: 160_000, from: "192x108", to: "108x192" },
      });
    });
  }
});

describe("a device that measures itself", () => {
  const measured = async () => {
    let told = 0;
    const progress = (frames: number) => {
      told = frames;
    };
    return { ...(await measureHere("avc", { signal: never, progress })), told };
  };

  test("with hardware runs it against software, and offers the faster for each size", async () => {
    const opened = faulty(undefined, true);
    const { sizes, told } = await measured();
    expect(told).toBe(25 * (2 * sizes.length + 1)); // the first is run once more
    for (const { hardware } of sizes) expect(hardware).toMatch(/^(hw|sw)$/);
    const asked = new Set(opened.map(({ acceleration }) => acceleration));
    expect([...asked]).toEqual(expect.arrayContaining(["prefer-hardware", "prefer-software"]));
    allClosed(opened);
  });

  test("with hardware only, offers that", async () => {
    const opened = faulty(undefined, "only");
    const { sizes, hardware } = await measured();
    expect([hardware, ...sizes.map((each) => each.hardware)]).not.toContain("sw");
    allClosed(opened);
  });

  test("briefly codes the smallest ladder three times, and says how alike the last two were", async () => {
    let told = 0;
    const progress = (frames: number) => {
      told = frames;
    };
    const brief = await measureBriefly("avc", { signal: never, progress });
    expect(told).toBe(3 * 25);
    expect(brief.sizes).toMatchObject([{ height: 360, pixelsPerSecond: brief.pixelsPerSecond }]);
    expect(brief.spread).toBeGreaterThanOrEqual(1);
  });

  test("whose sixth encoder is one too many says five", async () => {
    const opened = faulty({ ...reclaimed, frame: 0, fails: (_, open) => open >= 5 });
    expect((await measured()).encoders).toBe(5);
    allClosed(opened);
  });
});
