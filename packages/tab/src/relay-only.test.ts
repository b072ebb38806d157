import { memory as memoryBooks } from "@tabcast/channel";
import { expect, test } from "vitest";
import { network, openStage } from "../test/stage.ts";

const turn = { urls: ["turn:turn.example.org"], credentials: "/turn-credentials" };

/** A tab of a network with these servers, what it keeps, and how each of its meshes connects. */
async function hiding(iceServers: object[], { kept = false, local = true } = {}) {
  const stage = await openStage();
  const { outside } = stage.tab();
  const memory = { kept };
  const meshes: boolean[] = [];
  const warnings: string[] = [];
  const { tab } = stage.tab(memoryBooks(), {
    fetch: async () => Response.json({ ...network, iceServers, local }),
    relayOnly: { kept: () => memory.kept, keep: (kept) => void Object.assign(memory, { kept }) },
    warn: (text) => void warnings.push(text),
    mesh: (config, options) => {
      meshes.push(options.relayOnly);
      return outside.mesh(config, options);
    },
  });
  return { tab, memory, meshes, warnings };
}

test("a tab that is told to hide its address keeps that, and every mesh from then on goes through TURN", async () => {
  const { tab, memory, meshes } = await hiding([turn]);
  const looking = new AbortController();
  await tab.visit(looking);
  await tab.relayOnly.set(true);
  expect(memory.kept).toBe(true);
  // The mesh that is open stays as it is, and the page can say so.
  expect(tab.state.get().relayOnly).toBe(false);
  expect(tab.relayOnly.on.get()).toBe(true);
  await tab.join();
  await tab.visitor(looking);
  expect(meshes).toEqual([false, true, true]);
  expect(tab.state.get().relayOnly).toBe(true);
  await tab.relayOnly.set(false);
  expect(memory.kept).toBe(false);
  await tab.close();
});

test("what is kept counts from the first mesh of a later visit", async () => {
  const { tab, meshes } = await hiding([turn], { kept: true });
  await tab.visit(new AbortController());
  expect(meshes).toEqual([true]);
  await tab.close();
});

test("where the network names no TURN server it cannot be turned on, and can be turned off", async () => {
  const { tab, memory } = await hiding([{ urls: ["stun:stun.example.org"] }], { kept: true });
  await tab.relayOnly.set(false);
  await expect(tab.relayOnly.set(true)).rejects.toMatchObject({ code: "TAB_NO_TURN" });
  expect([memory.kept, tab.relayOnly.on.get()]).toEqual([false, false]);
  await tab.close();
});

test("a network without STUN and TURN is told of in the console, but for one on a single machine", async () => {
  for (const [servers, local, said] of [
    [[], false, ["within one local network only"]],
    [[], true, []],
    [[turn], false, []],
  ] as const) {
    const { tab, warnings } = await hiding([...servers], { local });
    await tab.config();
    expect(warnings).toEqual(said.map((text) => expect.stringContaining(text)));
    await tab.close();
  }
});
