/** Books in a folder, for Node.js: one file that is replaced whole, so that a crash leaves the old one or the new one. */
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { SerialQueue, systemClock } from "@tabcast/runtime";
import { type Place, use } from "./memory.ts";
import { type Store, StoreError } from "./store.ts";

const BOOKS = "books.json";
const KEY = "seal.key";
const OWNER = "owner.pid";

/** A folder's records in this process, and how many use them. */
interface Opened {
  readonly place: Place;
  uses: number;
}

const opened = new Map<string, Promise<Opened>>();

/**
 * The books of a folder, which is made if it is missing. Several uses in one process share them; another process is refused.
 * Throws STORE_LOCKED, STORE_CORRUPT, STORE_UNAVAILABLE.
 */
export async function fileStore(folder: string): Promise<Store> {
  const path = resolve(folder);
  const opening = opened.get(path) ?? openFolder(path);
  opened.set(path, opening);
  let here: Opened;
  try {
    here = await opening;
  } catch (error) {
    if (opened.get(path) === opening) opened.delete(path);
    throw error;
  }
  here.uses++;
  const store = use(here.place, systemClock);
  let closed = false;
  return {
    ...store,
    async close() {
      if (closed) return;
      closed = true;
      await store.close();
      if (--here.uses > 0) return;
      opened.delete(path);
      await rm(join(path, OWNER), { force: true });
    },
  };
}

async function openFolder(path: string): Promise<Opened> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await own(path);
    const records = await readRecords(join(path, BOOKS));
    const queue = new SerialQueue();
    const persist = (next: ReadonlyMap<string, string>) =>
      queue.run(() => replace(path, JSON.stringify([...next])));
    return { place: { records, held: new Map(), key: sealKey(path), persist }, uses: 0 };
  } catch (cause) {
    if (cause instanceof StoreError) throw cause;
    throw new StoreError({ code: "STORE_UNAVAILABLE" }, `no books can be kept in ${path}`, {
      cause,
    });
  }
}

/** Makes this process the folder's only one. The file of a process that is gone counts for nothing. */
async function own(path: string): Promise<void> {
  const file = join(path, OWNER);
  for (let attempt = 0; ; attempt++)
    try {
      const handle = await open(file, "wx", 0o600);
      await handle.writeFile(`${process.pid}`);
      return await handle.close();
    } catch (error) {
      const holder = Number(await readFile(file, "utf8").catch(() => ""));
      if (attempt > 0 || (holder !== process.pid && lives(holder)))
        throw new StoreError(
          { code: "STORE_LOCKED", name: path },
          `${path} is used by process ${holder}`,
          { cause: error },
        );
      await rm(file, { force: true });
    }
}

function lives(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process lives as well.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function readRecords(file: string): Promise<Map<string, string>> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "[]";
    throw error;
  });
  try {
    return new Map(JSON.parse(text) as [string, string][]);
  } catch (cause) {
    throw new StoreError({ code: "STORE_CORRUPT", key: file }, `${file} is unreadable`, { cause });
  }
}

/** The whole books, on disk before the old ones are gone. */
async function replace(path: string, text: string): Promise<void> {
  const next = join(path, `${BOOKS}.next`);
  const handle = await open(next, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(next, join(path, BOOKS));
  const folder = await open(path, "r");
  await folder.sync().catch(() => {}); // some systems cannot, and rename is atomic there as well
  await folder.close();
}

/** The folder's own key for secrets: whoever reads the folder reads them. */
async function sealKey(path: string): Promise<CryptoKey> {
  const file = join(path, KEY);
  let raw: Uint8Array<ArrayBuffer> | undefined = await readFile(file).then(
    (bytes) => new Uint8Array(bytes),
    () => undefined,
  );
  if (raw?.byteLength !== 32) {
    // biome-ignore lint/plugin: a key that a seed gave would be no secret.
    raw = crypto.getRandomValues(new Uint8Array(32));
    const handle = await open(file, "w", 0o600);
    await handle.writeFile(raw);
    await handle.close();
  }
  return crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
}
