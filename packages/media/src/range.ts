import { isRgb } from "./rgb.ts";

/**
 * One frame of 64x64 in the full range, all of it luma 32: H.264 by OpenH264 2.3.1 in Chromium 156, its avcC and its only packet.
 */
const GREY = {
  luma: 32,
  codec: "avc1.42001e",
  description: "AULAC//hABFnQsALjI1CEk3AQEBB4RCNQAEABGjOPIA=",
  packet: "AAAAHGW4AAQAAAn///h6KAAIH/k5OTrrrrrrrrrrrrw=",
} as const;

const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));

let answer: Promise<boolean> | undefined;

/**
 * Whether this browser's decoder takes the samples of full-range video for limited ones when it makes RGB of them, as that of
 * Firefox 153 on Linux does: contrast grows by 255/219, and a check finds it. Decodes one small frame, once.
 */
export function losesRange(): Promise<boolean> {
  answer ??= greyComesOutDarker().catch(() => false);
  return answer;
}

async function greyComesOutDarker(): Promise<boolean> {
  let darker = false;
  let copied: Promise<unknown> = Promise.resolve();
  const decoder = new VideoDecoder({
    output: (frame) => {
      copied = brightness(frame)
        .then((level) => {
          // Right is 32, and wrong 19: (32 - 16) * 255 / 219.
          darker = level !== undefined && level < GREY.luma - 6;
        })
        .finally(() => frame.close());
    },
    error: () => {}, // which the flush rejects with
  });
  try {
    const { codec } = GREY;
    decoder.configure({
      codec,
      description: bytesOf(GREY.description),
      colorSpace: { matrix: "bt709", primaries: "bt709", transfer: "bt709", fullRange: true },
    });
    const data = bytesOf(GREY.packet);
    decoder.decode(new EncodedVideoChunk({ type: "key", timestamp: 0, data }));
    await decoder.flush();
    await copied;
    return darker;
  } finally {
    if (decoder.state !== "closed") decoder.close();
  }
}

/** Green of the first pixel, which in grey is its brightness; undefined if the frame came in planes. */
async function brightness(frame: VideoFrame): Promise<number | undefined> {
  if (!isRgb(frame.format)) return undefined;
  const pixels = new Uint8Array(frame.allocationSize());
  await frame.copyTo(pixels);
  return pixels[1];
}
