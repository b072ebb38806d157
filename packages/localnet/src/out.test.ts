import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkFolder, type Out, openOut } from "./out.ts";

let folder: string;
let out: Out;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tabcast-out-"));
  out = await openOut(folder);
  out.source({ width: 640, height: 360, frameRate: 25 } as never, [
    { name: "240p", width: 426, height: 240, bitrate: 250_000 } as never,
  ]);
});
afterEach(() => rm(folder, { recursive: true }));

const read = (name: string) => readFile(join(folder, name), "utf8");
const bytes = (...values: number[]) => Uint8Array.from(values);

async function put(seq: number, tracks: Record<string, number>): Promise<void> {
  for (const [name, init] of Object.entries(tracks)) {
    await out.piece(name, seq, "init", bytes(init));
    await out.piece(name, seq, "media", bytes(seq, 2, 3));
  }
  await out.segment({
    seq,
    start: seq * 2_000_000,
    duration: 2_000_000,
    capturedAt: Date.UTC(2026, 10, 21) + 3 * seq, // read faster than it plays
    tracks: Object.keys(tracks).map((name) => ({
      name,
      codecs: { audio: "opus", "audio-aac": "mp4a.40.2" }[name] ?? "avc1.64001f",
      frames: 50,
    })),
  });
}

test("playlists grow with the broadcast and end with it", async () => {
  await put(0, { "240p": 1, audio: 2, source: 3 });
  const early = await read("240p/index.m3u8");
  expect(early).toContain("#EXT-X-PLAYLIST-TYPE:EVENT");
  expect(early).not.toContain("#EXT-X-ENDLIST");
  await put(1, { "240p": 1, audio: 2, source: 3 });
  await out.end();
  const late = await read("240p/index.m3u8");
  expect(late.match(/\.m4s/g)).toHaveLength(2);
  expect(late).toContain("#EXT-X-ENDLIST");
  const master = await read("master.m3u8");
  expect(master).toContain("240p/index.m3u8");
  expect(master).toContain("source/index.m3u8");
  expect(master).toContain('NAME="240p"');
  expect(master).toContain('NAME="360p (original)"');
  expect(master).toContain("RESOLUTION=426x240");
  expect(master).toContain('URI="audio/index.m3u8"');
  expect(await readdir(join(folder, "240p"))).toEqual(["0.m4s", "1.m4s", "index.m3u8", "init.mp4"]);
});

test("the clock in a playlist is that of the capture, and runs as the media does", async () => {
  for (const seq of [0, 1]) await put(seq, { source: 3 });
  const times = (await read("source/index.m3u8")).match(/DATE-TIME:\S+/g);
  expect(times).toEqual([
    "DATE-TIME:2026-11-21T00:00:00.000Z",
    "DATE-TIME:2026-11-21T00:00:02.000Z",
  ]);
});

test("sound in two codings is two groups of the multivariant playlist", async () => {
  await put(0, { source: 3, audio: 2, "audio-aac": 5 });
  await out.end();
  const master = await read("master.m3u8");
  expect(master.match(/#EXT-X-MEDIA:.*/g)).toHaveLength(2);
  expect(master).toContain('GROUP-ID="audio-aac"');
  expect(master).toMatch(/CODECS="avc1\.64001f,opus".*AUDIO="audio"/);
  expect(master).toMatch(/CODECS="avc1\.64001f,mp4a\.40\.2".*AUDIO="audio-aac"/);
  expect(await read("audio-aac/index.m3u8")).toContain("#EXT-X-ENDLIST");
});

test("another worker's init segment gets a name and a map of its own, and an old one is used again", async () => {
  for (const [seq, init] of [1, 9, 1].entries()) await put(seq, { source: init });
  await out.end();
  expect(await readFile(join(folder, "source/init-2.mp4"))).toEqual(Buffer.from([9]));
  const maps = (await read("source/index.m3u8")).match(/#EXT-X-MAP:URI="[^"]+"/g);
  expect(maps).toEqual([
    '#EXT-X-MAP:URI="init.mp4"',
    '#EXT-X-MAP:URI="init-2.mp4"',
    '#EXT-X-MAP:URI="init.mp4"',
  ]);
});

test("a rung that is missing from a segment is a gap at its place", async () => {
  await put(0, { "240p": 1, source: 3 });
  await put(1, { source: 3 });
  await put(2, { "240p": 1, source: 3 });
  await out.end();
  expect(await read("240p/index.m3u8")).toMatch(
    /0\.m4s\n#EXT-X-PROGRAM-DATE-TIME:\S+\n#EXT-X-GAP\n#EXTINF:2\.000000,\n1\.m4s\n#EXT-X-PROGRAM/,
  );
  expect(await read("source/index.m3u8")).not.toContain("GAP");
});

test("what an earlier run left is gone, and what is not ours stays", async () => {
  await mkdir(join(folder, "240p"));
  for (const name of ["7.m4s", "init-3.mp4", "notes.txt"])
    await writeFile(join(folder, "240p", name), "old");
  await put(0, { "240p": 1 });
  expect(await readdir(join(folder, "240p"))).toEqual([
    "0.m4s",
    "index.m3u8",
    "init.mp4",
    "notes.txt",
  ]);
});

test("a track that was never announced is refused before it is a path", async () => {
  await expect(out.piece("../x", 0, "media", bytes(1))).rejects.toMatchObject({
    code: "OUT_UNKNOWN_TRACK",
  });
  expect(await readdir(folder)).toEqual([]);
});

test("a file where the folder should be is refused", async () => {
  await writeFile(join(folder, "file"), "");
  await expect(checkFolder(join(folder, "file"))).rejects.toMatchObject({ code: "OUT_UNWRITABLE" });
  await expect(checkFolder(join(folder, "file", "in"))).rejects.toMatchObject({
    code: "OUT_UNWRITABLE",
  });
});
