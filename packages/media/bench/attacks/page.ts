import { createVerifier } from "../../src/compare/verifier.ts";
import { createTranscoder, openFile } from "../../src/index.ts";
import { MADE, stored } from "./content.ts";
import { decoded, shown } from "./forge.ts";
import { ATTACKS, type Row, runTrial, type Tools, type Trial } from "./trial.ts";

/** What the bench's Node side calls. */
export interface AttacksPage {
  /** Loads a stored clip by its address. */
  load(name: string, address: string): Promise<void>;
  /** What clips there are. */
  kinds(): readonly string[];
  readonly attacks: readonly string[];
  run(trial: Trial): Promise<Row[]>;
}

const signal = new AbortController().signal;
const [transcoder, verifier] = [createTranscoder(), createVerifier()];
/** Frames of the stored clips, by name: few and not large, since each is a bitmap. */
const reels = new Map<string, ImageBitmap[]>();
const REEL_FRAMES = 48;
const REEL_WIDTH = 1280;

const kinds = () => [...Object.keys(MADE), ...reels.keys()];
const clip: Tools["clip"] = (kind, seed, shape) => {
  const reel = reels.get(kind);
  if (reel) return stored(reel, { ...shape, seed });
  const make = MADE[kind];
  if (!make) throw new Error(`no content named ${kind}`);
  return make({ ...shape, seed });
};

const page: AttacksPage = {
  kinds,
  attacks: ATTACKS,
  run: (trial) => runTrial(trial, { transcoder, verifier, kinds: kinds(), clip }),
  async load(name, address) {
    const reel: ImageBitmap[] = [];
    const source = await openFile(await (await fetch(address)).blob(), name, { signal });
    for await (const { video } of source.segments({ signal })) {
      const { pictures, colour } = await decoded(video);
      for (const picture of pictures.slice(0, REEL_FRAMES - reel.length)) {
        const frame = shown(picture, 0, colour);
        const width = Math.min(REEL_WIDTH, frame.displayWidth);
        reel.push(await createImageBitmap(frame, { resizeWidth: width, resizeQuality: "high" }));
        frame.close();
      }
      if (reel.length >= REEL_FRAMES) break;
    }
    source.close();
    reels.set(name, reel);
  },
};
Object.assign(globalThis, { attacksPage: page });
