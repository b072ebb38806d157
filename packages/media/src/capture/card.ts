/**
 * What is shown while there is no picture: two bars, as on a pause button, on a dark ground. No words, because viewers
 * have many languages; not the last frame, because it may be what the broadcaster wants to hide. Size in pixels.
 */
export function createCard(width: number, height: number): VideoFrame {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) throw new Error("no 2D canvas in this worker");
  context.fillStyle = "#1c2226";
  context.fillRect(0, 0, width, height);
  context.fillStyle = "#7f8a91";
  const unit = Math.min(width, height) / 20;
  for (const side of [-2, 1])
    context.fillRect(width / 2 + side * unit, height / 2 - 2.5 * unit, unit, 5 * unit);
  return new VideoFrame(canvas, { timestamp: 0 });
}
