import { onTestFinished } from "vitest";

type Rgb = readonly [red: number, green: number, blue: number];

/** A canvas with a stripe of each colour as a live video track, painted again and again until the test is over. Sizes in pixels. */
export function paintedTrack(width: number, height: number, ...colours: Rgb[]): MediaStreamTrack {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) throw new Error("no 2D canvas in this page");
  const paint = () => {
    const stripe = width / colours.length;
    for (const [i, colour] of colours.entries()) {
      context.fillStyle = `rgb(${colour.join(" ")})`;
      context.fillRect(i * stripe, 0, stripe, height);
    }
  };
  paint();
  const [track] = canvas.captureStream(30).getVideoTracks();
  if (!track) throw new Error("the canvas gives no track");
  const painting = setInterval(paint, 30);
  onTestFinished(() => {
    clearInterval(painting);
    track.stop();
  });
  return track;
}

/** A grey I420 frame, limited range BT.601 as cameras give them. Level 16 to 235, time in microseconds. */
export function greyFrame(
  width: number,
  height: number,
  level: number,
  timestamp: number,
): VideoFrame {
  const luma = width * height;
  return new VideoFrame(new Uint8Array(luma * 1.5).fill(level, 0, luma).fill(128, luma), {
    format: "I420",
    codedWidth: width,
    codedHeight: height,
    timestamp,
    colorSpace: {
      primaries: "smpte170m",
      transfer: "smpte170m",
      matrix: "smpte170m",
      fullRange: false,
    },
  });
}
