import { Micros, type Random, seededRandom } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import { stored } from "../../test/clip.ts";
import { MAX_SEGMENT_BYTES } from "../bounds.ts";
import { MediaError } from "../errors.ts";
import { openFile } from "../source/source.ts";

const SEED = Number(import.meta.env.SEED ?? 1);
/** Mutations of each clip; RUNS asks for more. One that mediabunny never comes back from costs ten seconds. */
const RUNS = Number(import.meta.env.RUNS ?? 14);
/** So many at once, that one which is waited for in vain holds up no other. */
const AT_ONCE = 3;
/** No mutation may take longer than this, in milliseconds; a typical one takes fifty. */
const PATIENCE = 30_000;

/** Numbers that sizes, counts and times are overwritten with. */
const HOSTILE = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];

type Mutation = (bytes: Uint8Array<ArrayBuffer>, random: Random) => Uint8Array<ArrayBuffer>;

const mutations: Readonly<Record<string, Mutation>> = {
  truncated: (bytes, random) => bytes.slice(0, 1 + random.below(bytes.length - 1)),
  "bits flipped": (bytes, random) => {
    for (let i = random.below(12); i >= 0; i--)
      bytes[random.below(bytes.length)] =
        (bytes[random.below(bytes.length)] ?? 0) ^ (1 << random.below(8));
    return bytes;
  },
  "hostile number": (bytes, random) => {
    const view = new DataView(bytes.buffer);
    for (let i = random.below(3); i >= 0; i--)
      view.setUint32(
        random.below(bytes.length - 4),
        HOSTILE[random.below(HOSTILE.length)] as number,
      );
    return bytes;
  },
  "noise in the middle": (bytes, random) => {
    const from = random.below(bytes.length);
    return fillNoise(bytes, from, from + random.below(200), random);
  },
  "a part twice": (bytes, random) => {
    const [from, length] = [random.below(bytes.length), random.below(400)];
    return spliced(bytes, from, from, bytes.slice(from, from + length));
  },
  "a part missing": (bytes, random) => {
    const from = random.below(bytes.length);
    return spliced(
      bytes,
      from,
      Math.min(bytes.length, from + random.below(400)),
      new Uint8Array(0),
    );
  },
  "zeros to the end": (bytes, random) => bytes.fill(0, random.below(bytes.length)),
};

function fillNoise(bytes: Uint8Array<ArrayBuffer>, from: number, to: number, random: Random) {
  for (let at = from; at < Math.min(to, bytes.length); at++) bytes[at] = random.below(256);
  return bytes;
}

function spliced(bytes: Uint8Array, from: number, to: number, part: Uint8Array) {
  const made = new Uint8Array(bytes.length - (to - from) + part.length);
  made.set(bytes.subarray(0, from));
  made.set(part, from);
  made.set(bytes.subarray(to), from + part.length);
  return made;
}

/** What became of a file: "frames", or the code of the error that it ended with. Throws for anything else. */
async function outcomeOf(blob: Blob): Promise<string> {
  const signal = AbortSignal.timeout(PATIENCE);
  let bytes = 0;
  try {
    const source = await openFile(blob, "mutant", { segment: Micros.of(500_000), signal });
    for await (const { seq, video } of source.segments({ signal })) {
      bytes += video.media.byteLength;
      // A time far in the future makes a long still, which its reader may leave.
      if (seq === 5) break;
    }
  } catch (error) {
    if (!(error instanceof MediaError) || error.code === "MEDIA_WORKER") throw error;
    return error.code;
  }
  expect(signal.aborted, "took too long").toBe(false);
  expect(bytes).toBeLessThan(MAX_SEGMENT_BYTES);
  return "frames";
}

/** What became of a file that was changed as the run's number says. */
async function mutantOf(honest: Uint8Array<ArrayBuffer>, run: number): Promise<string> {
  const random = seededRandom(SEED * 100_003 + run);
  const kinds = Object.entries(mutations);
  const [kind, mutate] = kinds[run % kinds.length] as (typeof kinds)[number];
  try {
    return await outcomeOf(new Blob([mutate(honest.slice(), random)]));
  } catch (error) {
    throw new Error(`run ${run}: ${kind}`, { cause: error });
  }
}

describe(`a mutated file gives frames or says what is wrong with it (SEED=${SEED} RUNS=${RUNS})`, () => {
  for (const name of ["tiny.mp4", "tiny-fragmented.mp4", "tiny.mkv", "tiny.webm", "tiny.mpegts"])
    test(name, async () => {
      const honest = new Uint8Array(await (await stored(name)).arrayBuffer());
      const outcomes: Record<string, number> = {};
      let begun = 0;
      const some = async () => {
        while (begun < RUNS) {
          const outcome = await mutantOf(honest, begun++);
          outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, some));
      console.log(name, JSON.stringify(outcomes));
      // Neither all dead nor all well, or the mutations miss what matters.
      expect(outcomes.frames).toBeGreaterThan(RUNS / 50);
      expect(outcomes.frames).toBeLessThan(RUNS);
      expect(await outcomeOf(new Blob([honest]))).toBe("frames");
    }, 3_600_000);
});
