import type { PeerId } from "@tabcast/mesh";
import { seededRandom } from "@tabcast/runtime";
import { expect, test } from "vitest";
import type { Who } from "./scenario.ts";
import { targets } from "./targets.ts";

const peer = (name: string) => name as PeerId;
const workers = ["lap/0", "lap/1", "lap/2", "phone/0"].map((name, speed) => ({
  name,
  peer: peer(name),
  speed,
}));
const streams = [0, 1].map((number) => ({
  name: `stream/${number}`,
  number,
  crew: new Map([[peer(`lap/${number}`), number === 0 ? "crew" : "backup"] as const]),
  sentTo: new Map([
    [8, [peer("phone/0")]],
    [7, [peer("gone/0"), peer("lap/2")]],
  ]),
}));
const meant = (who: Who) => {
  const found = targets(who, workers, streams, () => seededRandom(1, "share"));
  return [...found.workers, ...found.streams].map(({ name }) => name);
};

test.each<[string, Who, string[]]>([
  ["one worker by its name", "lap/1", ["lap/1"]],
  ["a span of a group", "lap/0-1", ["lap/0", "lap/1"]],
  ["a whole group", "lap", ["lap/0", "lap/1", "lap/2"]],
  ["a stream by its name", "stream/1", ["stream/1"]],
  ["nobody where no name fits", "tv", []],
  ["the fastest worker", { pick: "fastest" }, ["phone/0"]],
  ["a worker of the first stream's crew", { pick: "crew" }, ["lap/0"]],
  ["the backup of another stream", { pick: "backup", stream: 1 }, ["lap/1"]],
  ["who has the oldest segment and is still there", { pick: "encoding" }, ["lap/2"]],
  ["the stream itself", { pick: "broadcaster", stream: 1 }, ["stream/1"]],
  ["nobody of a stream that is not there", { pick: "broadcaster", stream: 9 }, []],
  ["everybody for a share of one", { share: 1 }, workers.map(({ name }) => name)],
  ["nobody for a share of zero", { share: 0 }, []],
])("a fault hits %s", (_, who, names) => {
  expect(meant(who)).toEqual(names);
});
