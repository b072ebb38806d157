import { useEffect, useRef } from "react";
import { Controls, Troubles } from "../controls.tsx";
import { Picture } from "../picture.tsx";
import type { Ready } from "./ready.ts";

/** What is about to be shown, before anybody else sees it. */
export function Preview({
  ready,
  opening,
  captured,
}: {
  ready: Ready | undefined;
  opening: boolean;
  captured: boolean;
}) {
  if (captured)
    return (
      <>
        <Picture label="Preview" />
        {ready !== undefined && <p className="mt-2 text-sm text-muted">{ready.about}</p>}
        <div className="mt-4 space-y-3 empty:hidden">
          <Troubles />
        </div>
        <Controls />
      </>
    );
  if (ready === undefined)
    return (
      <p className="flex aspect-video items-center justify-center rounded-lg bg-sunken px-6 text-center text-sm text-muted">
        {opening
          ? "Waiting for the picture"
          : "What you choose is shown here before anybody else sees it."}
      </p>
    );
  return (
    <>
      {ready.input.kind === "file" ? (
        <FilePreview file={ready.input.file} />
      ) : (
        <div className="flex aspect-video flex-col items-center justify-center gap-1 rounded-lg bg-sunken px-6 text-center text-sm text-muted">
          <span className="font-mono text-2xl text-ink">00:00:00:00</span>
          The test scene begins when you go live.
        </div>
      )}
      <p className="mt-2 text-sm text-muted">{ready.about}</p>
    </>
  );
}

function FilePreview({ file }: { file: File }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (element === null) return;
    const url = URL.createObjectURL(file);
    element.src = url;
    return () => {
      element.removeAttribute("src");
      URL.revokeObjectURL(url);
    };
  }, [file]);
  return (
    <video
      ref={video}
      muted
      autoPlay
      playsInline
      controls
      aria-label="Preview"
      className="aspect-video w-full rounded-lg bg-black object-contain"
    />
  );
}
