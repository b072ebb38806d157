import { memory as memoryBooks } from "@tabcast/channel";
import { systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { network, openStage } from "../test/stage.ts";

test("a tab joins the network only when something is done with it, and then once", async () => {
  const stage = await openStage();
  let asked = 0;
  const { tab } = stage.tab(memoryBooks(), {
    fetch: async () => {
      asked++;
      return Response.json(network);
    },
  });
  expect(asked).toBe(0);
  const [a, b] = await Promise.all([tab.join(), tab.join()]);
  expect(a).toBe(b);
  expect(asked).toBe(1);
  expect(tab.state.get()).toMatchObject({ phase: "joined", self: a.mesh.self });
  await tab.close();
});

test.each<[string, Response, string]>([
  ["no such file", new Response("", { status: 404 }), "TAB_NO_CONFIG"],
  ["the page itself", new Response("<!doctype html>"), "TAB_NO_CONFIG"],
  ["a network without relays", Response.json({ ...network, relays: [] }), "CONFIG_BAD"],
])(
  "a server that answers with %s is told of, and a join may be tried again",
  async (_, answer, code) => {
    const stage = await openStage();
    const answers = [answer, Response.json(network)];
    const { tab } = stage.tab(memoryBooks(), { fetch: async () => answers.shift() as Response });
    await expect(tab.join()).rejects.toMatchObject({ code });
    expect(tab.state.get().phase).toBe("failed");
    await tab.join();
    expect(tab.state.get().phase).toBe("joined");
    await tab.close();
  },
);

test("a worker that no relay holds a slot for within its time says so in one line", async () => {
  const stage = await openStage();
  const { tab } = stage.tab(memoryBooks(), {
    clock: { ...systemClock, timeout: () => AbortSignal.abort(new Error("over")) },
  });
  const { mesh } = await tab.join();
  const never = {
    ...mesh,
    reachable: ({ signal }: { signal: AbortSignal }) => Promise.reject(signal.reason),
  };
  Object.assign(mesh, never);
  const payee = `0x${"d".repeat(40)}` as const;
  const starting = tab.worker.start({ payee, reachableIn: 50, on() {} });
  await expect(starting).rejects.toMatchObject({
    code: "TAB_NO_RELAY",
    message: "no relay held a slot for this tab within 50 ms",
  });
  await tab.close();
});

test("play money off a local chain is refused", async () => {
  const stage = await openStage();
  const { tab } = stage.tab();
  await expect(tab.wallet.filled()).rejects.toMatchObject({ code: "TAB_NO_FAUCET" });
  await tab.close();
});

test("settings that cannot be read are told of, and writing new ones mends them", async () => {
  const stage = await openStage();
  const books = memoryBooks();
  await books.write([["settings/worker", { price: "free" }]]);
  const { tab } = stage.tab(books);
  await expect(tab.books.workerSettings()).rejects.toMatchObject({
    code: "SETTINGS_BAD",
    reason: { field: "price" },
  });
  await tab.books.keepHiringSettings({ tags: ["eu"], allow: [], deny: [] });
  expect(await tab.books.hiringSettings()).toEqual({ tags: ["eu"], allow: [], deny: [] });
  await tab.close();
});

test("closing a tab twice closes it once and ends its mesh", async () => {
  const stage = await openStage();
  const { tab } = stage.tab();
  const { mesh } = await tab.join();
  await Promise.all([tab.close(), tab.close()]);
  await expect(mesh.publish("/tabcast/1/offers", new Uint8Array(1))).rejects.toThrow();
});
