import type { SegmentLine } from "@tabcast/node/types";
import { expect, test } from "vitest";
import { type Published, type Stream, segmentRow, type Worker } from "./rows.ts";

test("a segment's maker is the worker, whatever the stream's tab made beside it", () => {
  const lines = [
    { worker: "local", asked: false },
    { worker: "lap", asked: true },
  ].map((line) => ({ ...line, paid: "1" }) as SegmentLine);
  const worker = { name: "lap/0" } as Worker;
  const published: Published = {
    stream: {
      spec: { ladder: ["720p", "240p"] as readonly string[] },
      closedAt: new Map(),
      sentTo: new Map(),
    } as Stream,
    event: { type: "segment", seq: 0, lines, gaps: [] },
    now: 0,
    workerOf: (peer) => (peer === "lap" ? worker : undefined),
    counts: () => true,
  };
  expect(segmentRow(published).maker).toBe(worker);
  expect(segmentRow(published).row).toMatchObject({ by: "lap/0", rungs: 2, asked: 1, gaps: 0 });
});
