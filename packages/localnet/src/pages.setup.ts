import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Builds the pages if their sources are newer: a network without pages has no workers. */
export default function setup(): void {
  const script = fileURLToPath(new URL("../../../scripts/build.mjs", import.meta.url));
  const { status } = spawnSync(process.execPath, [script], {
    stdio: "inherit",
    env: { ...process.env, NODE_ENV: "production" },
  });
  if (status !== 0) throw new Error(`the pages could not be built, exit ${status}`);
}
