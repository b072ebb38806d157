import type { EncodedPacket } from "mediabunny";
import { isShownPacket } from "../bitstream.ts";
import { MediaError } from "../errors.ts";
import { corrupt } from "./errors.ts";

/** Packets that may wait in the decoder. */
const QUEUE = 8;

const chunkOf = (packet: EncodedPacket, type: "key" | "delta") =>
  new EncodedVideoChunk({
    type,
    timestamp: packet.microsecondTimestamp,
    data: packet.data as Uint8Array<ArrayBuffer>,
  });

/** The frame of a key packet, decoded by itself. Throws MEDIA_CORRUPT. */
export async function firstFrame(
  packet: EncodedPacket,
  config: VideoDecoderConfig,
): Promise<VideoFrame> {
  for await (const frame of framesOf([packet], config)) return frame;
  throw corrupt(packet.timestamp, "its first key frame gives no picture");
}

/**
 * Decodes packets, the first a key, into frames in the order in which they are shown; whoever takes a frame closes it. A
 * few packets are read ahead. Throws MEDIA_CORRUPT where the decoder fails, and MEDIA_INCOMPLETE if it gives fewer frames
 * than there are packets of shown pictures.
 */
export async function* framesOf(
  packets: Iterable<EncodedPacket> | AsyncIterable<EncodedPacket>,
  config: VideoDecoderConfig,
): AsyncGenerator<VideoFrame, void, void> {
  const ready: VideoFrame[] = [];
  let failure: unknown;
  let wake = () => {};
  const news = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  const decoder = new VideoDecoder({
    error: (error) => {
      failure ??= error;
      wake();
    },
    output: (frame) => {
      ready.push(frame);
      wake();
    },
  });
  decoder.addEventListener("dequeue", () => wake());
  let fed = 0;
  let first = true;
  let [expected, shown] = [0, 0];
  try {
    decoder.configure(config);
    for await (const packet of packets) {
      fed = packet.timestamp;
      if (isShownPacket(config.codec, packet.data)) expected++;
      // Containers may label no packet a key; the decoder must be told of the first alone.
      decoder.decode(chunkOf(packet, first ? "key" : packet.type));
      first = false;
      while (failure === undefined && (ready.length > 0 || decoder.decodeQueueSize > QUEUE)) {
        const frame = ready.shift();
        if (frame) {
          shown++;
          yield frame;
        } else await news();
      }
      if (failure !== undefined) throw failure;
    }
    let flushed = false;
    const flushing = decoder.flush().catch((error: unknown) => {
      failure ??= error;
    });
    void flushing.then(() => {
      flushed = true;
      wake();
    });
    while (ready.length > 0 || !flushed) {
      const frame = ready.shift();
      if (frame) {
        shown++;
        yield frame;
      } else await news();
    }
    if (failure !== undefined) throw failure;
  } catch (error) {
    throw corrupt(fed, error);
  } finally {
    for (const frame of ready) frame.close();
    if (decoder.state !== "closed") decoder.close();
  }
  if (shown < expected)
    throw new MediaError(
      { code: "MEDIA_INCOMPLETE", frames: shown, expected },
      `only ${shown} of the file's ${expected} frames could be decoded`,
    );
}
