import { afterEach, expect, test } from "vitest";
import { echo, openNodes } from "../testing/nodes.ts";

const nodes = openNodes();
afterEach(() => nodes.close());

test("twenty newcomers who dial one tab at once all get in", async () => {
  const relay = await nodes.relay();
  const tabs = await Promise.all(Array.from({ length: 21 }, () => nodes.tab(relay.addrs)));
  const [host, ...newcomers] = tabs;
  if (host === undefined) throw new Error("no host");
  const took = await Promise.all(
    newcomers.map((tab) =>
      echo(tab, host.self, host.addrs()).catch((thrown) => `${thrown} ${thrown.cause}`),
    ),
  );
  console.log(took);
  expect(took.filter((ms) => typeof ms === "string")).toEqual([]);
}, 60_000);
