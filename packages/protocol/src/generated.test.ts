import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { generateInto } from "../scripts/generate.ts";

test("the generated code is what the .proto gives (else: pnpm --filter @tabcast/protocol generate)", async () => {
  const fresh = await mkdtemp(join(tmpdir(), "tabcast-generated-"));
  try {
    await generateInto(fresh);
    for (const name of ["messages.ts", "wire.ts"]) {
      const kept = await readFile(new URL(`./generated/${name}`, import.meta.url), "utf8");
      expect(kept).toBe(await readFile(join(fresh, name), "utf8"));
    }
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
});
