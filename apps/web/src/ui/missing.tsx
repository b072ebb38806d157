import { useEffect, useState } from "react";
import { Notice } from "./parts.tsx";

const PROBE: VideoEncoderConfig = {
  codec: "avc1.4d001f",
  width: 1280,
  height: 720,
  bitrate: 2_500_000,
  framerate: 25,
};

/** Whether this browser encodes H.264, in which every source is sent; undefined until it has answered. */
export function useEncodesH264(): boolean | undefined {
  const [encodes, setEncodes] = useState<boolean>();
  useEffect(() => {
    let current = true;
    void asked().then((answer) => current && setEncodes(answer));
    return () => {
      current = false;
    };
  }, []);
  return encodes;
}

async function asked(): Promise<boolean> {
  // Some throw where others answer.
  try {
    return (await VideoEncoder.isConfigSupported(PROBE)).supported === true;
  } catch {
    return false;
  }
}

/** Says that there is no H.264 encoder here, what that keeps this page from, and what helps. */
export function NoH264({ verb }: { verb: "earn" | "go live" }) {
  return (
    <Notice tone="bad" title={`This tab cannot ${verb}: its browser does not encode H.264`}>
      Live video is sent in H.264. Chrome, Edge and Safari can do it; Firefox on Linux can once the
      system has libavcodec.
    </Notice>
  );
}

/** Whether this browser hands a page the frames of a camera or a screen. */
export const givesFrames = (): boolean => "MediaStreamTrackProcessor" in globalThis;

/** Says that cameras and screens cannot be sent from here, and what can. */
export function NoFrames() {
  return (
    <Notice tone="bad" title="This browser cannot send a camera or a screen">
      It does not hand their frames to a page (MediaStreamTrackProcessor). Chrome and Edge do. A
      file or the test scene can go live from here.
    </Notice>
  );
}
