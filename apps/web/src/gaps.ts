import Hls, { type LevelDetails } from "hls.js";

/** How close to a hole the picture is when it is jumped over, in seconds: about the time between two looks. */
const NEAR = 0.25;
/** Beyond a border, so that rounding does not put the playhead before it, in seconds. */
const INSIDE = 0.01;

/**
 * Carries playback over what nobody holds (EXT-X-GAP at every rung), where hls.js 1.7 alone stops or freezes: a hole in the
 * picture only, over which Chromium plays on with a frozen frame; a gap where playback begins; a gap at the stream's end.
 * Until `signal`.
 */
export function skipGaps(
  hls: Hls,
  video: HTMLVideoElement,
  { signal }: { readonly signal: AbortSignal },
): void {
  const { Events, ErrorDetails } = Hls;
  let picture: { readonly buffered: TimeRanges } | undefined;
  let frozen = false;

  const jump = (to: number) => {
    frozen = false;
    video.currentTime = to + INSIDE;
  };

  /** Over a hole in the picture, once what follows is there and what is missing cannot come. */
  const look = () => {
    if (signal.aborted || !picture || video.seeking) return;
    const at = video.currentTime;
    const { buffered } = picture;
    let [next, end] = [Number.POSITIVE_INFINITY, at];
    for (let i = buffered.length - 1; i >= 0; i--)
      if (buffered.start(i) > at) next = buffered.start(i);
      else end = Math.max(end, buffered.end(i));
    const lost = ({ start, end: over, gap }: LevelDetails["fragments"][number]) =>
      gap || over <= end + INSIDE || start >= next - INSIDE;
    // A picture that came after its time was over is shown only after a seek.
    if (end > at && frozen) jump(at);
    else if (end - at < NEAR && next < Number.POSITIVE_INFINITY) {
      if (hls.latestLevelDetails?.fragments.every(lost)) jump(next);
    } else frozen = end === at && at > 0;
  };
  video.addEventListener("timeupdate", look, { signal });
  hls.on(Events.FRAG_BUFFERED, look);
  hls.on(Events.BUFFER_CREATED, (_, { tracks }) => {
    picture = tracks.video?.buffer ?? picture;
  });
  hls.on(Events.MEDIA_DETACHED, () => {
    picture = undefined;
  });

  // At the end hls.js waits for the last segment, also if it is a gap, and never tells the browser that nothing follows.
  const end = (type: "video" | "audio", details: LevelDetails | null | undefined) => {
    if (details && !details.live && details.fragments.at(-1)?.gap) {
      const left = details.fragments.findLast(({ gap }) => !gap)?.end ?? 0;
      if (video.currentTime > left - 2 * NEAR) hls.trigger(Events.BUFFER_EOS, { type });
    }
  };
  video.addEventListener(
    "waiting",
    () => {
      end("video", hls.latestLevelDetails);
      end("audio", hls.audioTracks[hls.audioTrack]?.details);
    },
    { signal },
  );

  // Where nothing is buffered yet, hls.js asks for the same gap again and again. Levels that refused, by sequence:
  const refused = new Map<number, Set<number>>();
  hls.on(Events.ERROR, (_, { details, frag }) => {
    if (details !== ErrorDetails.FRAG_GAP || frag?.type !== "main") return;
    const { sn, level } = frag;
    if (typeof sn !== "number" || video.buffered.length > 0) return;
    const levels = refused.get(sn) ?? new Set();
    refused.set(sn, levels.add(level));
    if (levels.size < hls.levels.length) return;
    const next = hls.latestLevelDetails?.fragments.find((one) => !one.gap && Number(one.sn) > sn);
    if (next) hls.startLoad(next.start + INSIDE);
  });
}
