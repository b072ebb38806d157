import { expect, test } from "vitest";
import { fuzz, honestSegments } from "../../test/fuzz.ts";
import { createTranscoder } from "./transcoder.ts";

const SEED = Number(import.meta.env.SEED ?? 1);
const RUNS = Number(import.meta.env.RUNS ?? 1000);

test(
  `mutated segments give renditions or a MediaError, and the worker goes on (SEED=${SEED} RUNS=${RUNS})`,
  async () => {
    const transcoder = createTranscoder();
    try {
      const honest = await honestSegments();
      const report = await fuzz(transcoder, honest, { seed: SEED, from: 0, to: RUNS });
      console.log(JSON.stringify(report));
      // Both ends of the scale were reached, so the mutants are neither all dead nor all well.
      expect(report.outcomes.renditions).toBeGreaterThan(RUNS / 50);
      expect(report.outcomes.MEDIA_MALFORMED).toBeGreaterThan(RUNS / 50);
    } finally {
      transcoder.close();
    }
  },
  60_000 + 300 * RUNS,
);
