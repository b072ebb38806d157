import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Rolldown } from "vite";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

/** Most script that Watch may bring, in bytes gzipped. Source: issue A, "Speed and memory". */
const LIMIT = 400_000;
/** What Watch never loads, though its node could: the other pages, and the verbs of work and money. */
const OTHERS = [
  /\/src\/pages\/(?!watch\.tsx)[^/]+\.tsx$/,
  /\/packages\/node\/src\/(worker|broadcaster)\//,
  /\/packages\/tab\/src\/(working|assembly|settings\/index)\.ts$/,
  /\/packages\/(channel|media)\/src\/index\.ts$/,
];
/** Code that has no business in a viewer's tab. */
const FOREIGN = [
  /node_modules\/(viem|wagmi|@wagmi|ox|mediabunny|uplot|@tanstack)\//,
  /\/packages\/(channel|market|contracts)\//,
];

const config = fileURLToPath(new URL("../../../vite.config.ts", import.meta.url));
const root = fileURLToPath(new URL("..", import.meta.url));
let watch: Rolldown.OutputChunk[];

beforeAll(async () => {
  // What people load, not what tests load: React's small build, and the plugins of the pages.
  vi.stubEnv("NODE_ENV", "production");
  vi.stubEnv("VITEST", undefined);
  const built = await build({
    configFile: config,
    root,
    logLevel: "error",
    mode: "production",
    build: {
      write: false,
      rolldownOptions: { input: { index: `${root}index.html` } },
    },
  });
  const outputs = (Array.isArray(built) ? built : [built]) as Rolldown.RolldownOutput[];
  const chunks = new Map(
    outputs
      .flatMap(({ output }) => output)
      .filter((one) => one.type === "chunk")
      .map((one) => [one.fileName, one]),
  );
  const entry = [...chunks.values()].find((one) => one.facadeModuleId?.endsWith("/index.html"));
  if (entry === undefined) throw new Error("the build has no entry");
  const reached = new Set<Rolldown.OutputChunk>();
  const reach = (name: string, lazily: boolean) => {
    const chunk = chunks.get(name);
    if (chunk === undefined || reached.has(chunk)) return;
    if (lazily && chunk.moduleIds.some((id) => OTHERS.some((one) => one.test(id)))) return;
    reached.add(chunk);
    for (const next of chunk.imports) reach(next, false);
    for (const next of chunk.dynamicImports) reach(next, true);
  };
  reach(entry.fileName, false);
  watch = [...reached];
}, 120_000);
afterAll(() => vi.unstubAllEnvs());

test("the script for Watch, with libp2p and hls.js, is at most 400 kB gzipped", () => {
  const sizes = watch
    .map(({ fileName, code }) => ({ fileName, size: gzipSync(code).byteLength }))
    .sort((a, b) => b.size - a.size);
  const total = sizes.reduce((sum, { size }) => sum + size, 0);
  console.info(
    `Watch: ${total} bytes gzipped in ${sizes.length} files; ${sizes
      .slice(0, 4)
      .map(({ fileName, size }) => `${fileName} ${size}`)
      .join(", ")}`,
  );
  expect(total).toBeLessThanOrEqual(LIMIT);
  // A walk that lost its way would also pass the line above.
  const modules = watch.flatMap(({ moduleIds }) => moduleIds);
  for (const needed of [
    /hls\.js/,
    /\/libp2p\//,
    /\/pages\/watch\.tsx$/,
    /\/node\/src\/viewer\/view\.ts$/,
  ])
    expect(
      modules.some((id) => needed.test(id)),
      String(needed),
    ).toBe(true);
});

test("a viewer's tab loads no wallet, no chain library and no transcoder", () => {
  const found = watch
    .flatMap(({ moduleIds }) => moduleIds)
    .filter((id) => FOREIGN.some((one) => one.test(id)));
  expect(found).toEqual([]);
});
