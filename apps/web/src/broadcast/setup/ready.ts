/** What can be put on the air, once it is open: its size, its rate, and words about it. */
import { openFile, type SourceInfo } from "@tabcast/media";
import * as format from "../../format.ts";
import type { Input } from "../../tab.ts";
import { type Studio, studio } from "../studio.ts";

/** Sizes of the built-in scene: the smaller ones are for devices that also do other work. */
export const scenes = [
  { width: 1280, height: 720 },
  { width: 854, height: 480 },
  { width: 640, height: 360 },
] as const;
/** Frames per second of the built-in scene, as media draws it by default. */
const SCENE_RATE = 25;

export interface Ready {
  readonly input: Input;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  readonly about: string;
  /** This page encodes the source itself. */
  readonly encoded: boolean;
}

const aboutFile = (info: SourceInfo) =>
  `${format.pixels(info)} at ${Math.round(info.frameRate * 100) / 100} frames/s, ${format.bitrate(info.bitrate)}${info.duration === undefined ? "" : `, ${format.clock(info.duration / 1e6)} long`}. ${info.passthrough ? "Sent as it is." : "Encoded again before it is sent."}`;

export function openScene(size: (typeof scenes)[number]): Ready {
  return {
    input: { kind: "scene", ...size },
    ...size,
    frameRate: SCENE_RATE,
    about: `${format.pixels(size)} at ${SCENE_RATE} frames/s, drawn by this page.`,
    encoded: true,
  };
}

/** What the studio shows, once it shows it. */
export function showing({ show, stream, picture }: Studio): Ready | undefined {
  const [track] = stream?.getVideoTracks() ?? [];
  if (show === undefined || track === undefined || picture === "lost") return undefined;
  const { width = 1280, height = 720, frameRate = 30 } = track.getSettings();
  return {
    input: { kind: show, open: studio.goLive, close: studio.close },
    width,
    height,
    frameRate,
    about: `${format.pixels({ width, height })} at ${Math.round(frameRate)} frames/s.`,
    encoded: true,
  };
}

export async function openPicked(file: File): Promise<Ready> {
  const own = new AbortController();
  const source = await openFile(file, file.name, { signal: own.signal });
  source.close();
  const { info } = source;
  const { width, height, frameRate } = info;
  const [about, encoded] = [aboutFile(info), !info.passthrough];
  return { input: { kind: "file", file }, width, height, frameRate, about, encoded };
}
