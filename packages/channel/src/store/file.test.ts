import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compliance } from "@tabcast/channel/compliance";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fileStore } from "./file.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tabcast-books-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

let folders = 0;
const folder = () => join(root, `${++folders}`, "books");

compliance("file", async () => {
  const path = folder();
  return { open: () => fileStore(path) };
});

test("a folder that another process uses is refused, and one whose process is gone is taken", async () => {
  const path = folder();
  const store = await fileStore(path);
  await store.write([["a", 1]]);
  await store.close();
  await writeFile(join(path, "owner.pid"), "1"); // lives as long as the machine
  await expect(fileStore(path)).rejects.toMatchObject({
    code: "STORE_LOCKED",
    message: `${path} is used by process 1`,
  });
  await writeFile(join(path, "owner.pid"), "4194304"); // above every process number
  const again = await fileStore(path);
  expect(await again.get("a")).toBe(1);
  await again.close();
});

test("a book that is no JSON is refused, and stays as it is", async () => {
  const path = folder();
  await (await fileStore(path)).close();
  await writeFile(join(path, "books.json"), "half a bo");
  await expect(fileStore(path)).rejects.toMatchObject({ code: "STORE_CORRUPT" });
  expect(await readFile(join(path, "books.json"), "utf8")).toBe("half a bo");
});

test("a folder that cannot be made is named", async () => {
  const path = folder();
  await (await fileStore(path)).close();
  await expect(fileStore(join(path, "seal.key", "x"))).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
  });
});
