import { afterEach, expect, test, vi } from "vitest";

/** A browser whose decoder gives one pixel of this level, or fails. */
function decodes(level: number | undefined, format = "BGRX") {
  const frame = {
    format,
    allocationSize: () => 4,
    copyTo: async (into: Uint8Array) => void into.fill(level ?? 0),
    close: vi.fn(),
  };
  vi.stubGlobal(
    "EncodedVideoChunk",
    class {
      readonly type = "key";
    },
  );
  vi.stubGlobal(
    "VideoDecoder",
    class {
      state = "configured";
      readonly #output: (given: typeof frame) => void;
      constructor({ output }: { output: (given: typeof frame) => void }) {
        this.#output = output;
      }
      configure() {
        if (level === undefined) throw new DOMException("no H.264", "NotSupportedError");
      }
      decode() {}
      async flush() {
        this.#output(frame);
      }
      close() {
        this.state = "closed";
      }
    },
  );
  return frame;
}

async function asked(): Promise<boolean> {
  vi.resetModules();
  const { losesRange } = await import("./range.ts");
  return losesRange();
}

afterEach(() => vi.unstubAllGlobals());

test("a decoder that makes 19 of a full-range 32 loses the range", async () => {
  const frame = decodes(19);
  expect(await asked()).toBe(true);
  expect(frame.close).toHaveBeenCalledOnce();
});

test("a decoder that makes 32 of it, with rounding, keeps the range", async () => {
  for (const level of [31, 32, 33]) {
    decodes(level);
    expect(await asked(), String(level)).toBe(false);
  }
});

test("planes, and a decoder that fails, lose nothing", async () => {
  decodes(19, "I420");
  expect(await asked()).toBe(false);
  decodes(undefined);
  expect(await asked()).toBe(false);
});
