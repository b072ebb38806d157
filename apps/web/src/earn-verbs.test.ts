import { crewLink } from "@tabcast/tab/links";
import { expect, test } from "vitest";
import { openCrewLinks } from "./earn-verbs.ts";

const link = (number: number) =>
  crewLink("http://127.0.0.1", {
    stream: number.toString(16).padStart(64, "0"),
    key: "A".repeat(43),
  });

test("a crew that was left is joined again by a person, and by no address that somebody went back to", async () => {
  const told: string[] = [];
  const crews = openCrewLinks({
    joinPrivate: () => void told.push("join"),
    leavePrivate: () => void told.push("leave"),
  });
  const stream = 1n.toString(16).padStart(64, "0");
  await crews.join(link(1), { byAddress: true });
  crews.leave(stream);
  await crews.join(link(1), { byAddress: true });
  crews.joinAll();
  expect(told).toEqual(["join", "leave"]);
  expect([crews.links.get().size, [...crews.left.get()]]).toEqual([0, [stream]]);
  await crews.join(link(2), { byAddress: true });
  await crews.join(link(1));
  expect(told).toEqual(["join", "leave", "join", "join"]);
  expect([...crews.left.get()]).toEqual([]);
});

test("a seventeenth crew link is refused in words, not when the tab begins to work, and has room once another was left", async () => {
  const told: string[] = [];
  const crews = openCrewLinks({
    joinPrivate: ({ stream }) => void told.push(`join ${Number.parseInt(stream, 16)}`),
    leavePrivate: (stream) => void told.push(`leave ${Number.parseInt(stream, 16)}`),
  });
  for (let i = 0; i < 16; i++) await crews.join(link(i));
  await expect(crews.join(link(16))).rejects.toThrow("16 private streams already");
  await crews.join(link(3)); // again, perhaps with another key
  crews.leave(3n.toString(16).padStart(64, "0"));
  await crews.join(link(16));
  expect(told.slice(-2)).toEqual(["leave 3", "join 16"]);
  told.length = 0;
  crews.joinAll();
  expect(told).toHaveLength(16);
});
