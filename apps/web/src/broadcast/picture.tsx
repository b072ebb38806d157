import { useEffect, useRef } from "react";
import { useStore } from "../store.ts";
import { studio } from "./studio.ts";

/** What the camera or screen shows, as its owner is used to seeing it: silent, and a camera as in a mirror. */
export function Picture({ label }: { label: string }) {
  const { stream, mirrored, picture, sound, opening } = useStore(studio.state);
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (element === null || stream === undefined) return;
    element.srcObject = stream;
    return () => {
      element.srcObject = null;
    };
  }, [stream]);
  const over =
    picture === "paused"
      ? "Hidden: viewers see a grey card"
      : picture === "lost"
        ? "No picture: viewers see a grey card"
        : opening !== undefined
          ? "Opening it"
          : undefined;
  return (
    <div className="relative overflow-hidden rounded-lg bg-black">
      <video
        ref={video}
        muted
        autoPlay
        playsInline
        aria-label={label}
        className={`aspect-video w-full object-contain ${mirrored ? "-scale-x-100" : ""}`}
      />
      {over !== undefined && (
        <p className="absolute inset-0 flex items-center justify-center bg-[#1c2226] px-6 text-center text-sm text-[#d7dcdf]">
          {over}
        </p>
      )}
      {sound === "paused" && (
        <p className="absolute bottom-2 left-2 rounded-md bg-[#1c2226] px-2 py-1 text-xs font-medium text-[#f2bd5c]">
          Muted
        </p>
      )}
    </div>
  );
}
