import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crewLink, watchLink } from "@tabcast/tab/links";
import { afterAll, expect, test } from "vitest";
import { openLinks, readCrewLinks, writeLinks } from "./link-files.ts";

const folder = await mkdtemp(join(tmpdir(), "tabcast-links-"));
afterAll(() => rm(folder, { recursive: true }));

const origin = "http://127.0.0.1:4800";
const stream = "ab".repeat(32);
const keys = { watch: "w".repeat(43), crew: "c".repeat(43) };

test("a private stream's links are written to a file that its owner alone can read, also where it was there before", async () => {
  const path = join(folder, "links");
  await writeFile(path, "something older", { mode: 0o644 });
  await openLinks(path);
  await writeLinks(path, origin, { stream, keys });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const [watch, crew] = (await readFile(path, "utf8")).split("\n");
  expect(watch).toBe(watchLink(origin, stream, keys.watch));
  expect(crew).toBe(crewLink(origin, { stream, key: keys.crew }));
  await expect(openLinks(join(folder, "none", "links"))).rejects.toMatchObject({
    code: "ARGS_BAD",
    message: expect.stringContaining("ENOENT"),
  });
});

test("a worker's crew links are read from a file, one a line; what is none is named by its line and not repeated", async () => {
  const path = join(folder, "crew-links");
  const link = crewLink(origin, { stream, key: keys.crew });
  await writeFile(path, `\n${link}\n  ${link}  \n`);
  expect(await readCrewLinks(path)).toEqual([link, link]);
  await writeFile(path, `${link}\n${watchLink(origin, stream, keys.watch)}\n`);
  const refused = readCrewLinks(path);
  await expect(refused).rejects.toMatchObject({ code: "ARGS_BAD" });
  await expect(refused).rejects.toThrow(/line 2 of .*This link is for viewers/);
  await expect(refused).rejects.not.toThrow(keys.watch);
  await expect(readCrewLinks(join(folder, "none"))).rejects.toThrow("ENOENT");
});
