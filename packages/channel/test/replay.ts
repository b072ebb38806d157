const { SEED, FC_PATH = "", RUNS = "200" } = process.env;

/** fast-check's options; a failure is repeated with the SEED and FC_PATH that it prints. */
export const replay = {
  seed: Number(SEED ?? Date.now() | 0),
  path: FC_PATH,
  numRuns: Number(RUNS),
};
