import { memory as memoryBooks } from "@tabcast/channel";
import { expect, test } from "vitest";
import { ear, network, openStage, payee } from "../test/stage.ts";

/** A tab, and every seed with which it has entered the network; undefined where it watches itself. */
async function entering() {
  const stage = await openStage();
  const entered: (Uint8Array | undefined)[] = [];
  const { outside } = stage.tab();
  const { tab } = stage.tab(memoryBooks(), {
    mesh: (config, options) => {
      entered.push(options.seed);
      return outside.mesh(config, options);
    },
  });
  return { stage, tab, entered };
}

test("the network's description and this tab's own id are had without entering the network", async () => {
  const { tab, entered } = await entering();
  expect(tab.state.get().phase).toBe("away");
  await tab.config();
  await tab.payees.proof({ payee });
  await tab.rpc.balance(payee).catch(() => undefined);
  expect(entered).toEqual([]);
  expect(tab.state.get()).toMatchObject({ phase: "away", config: network });
  await tab.close();
});

test("each visit has an id of its own, which this browser does not keep", async () => {
  const { tab, entered, stage } = await entering();
  const signal = new AbortController().signal;
  const [first, same] = [await tab.visit({ signal }), await tab.visit({ signal })];
  expect(same.mesh).toBe(first.mesh);
  expect(tab.state.get()).toMatchObject({
    phase: "joined",
    visiting: true,
    self: first.mesh.self,
  });
  const again = stage.tab().tab;
  const second = await again.visit({ signal });
  expect(second.mesh.self).not.toBe(first.mesh.self);
  expect(entered).toEqual([first.seed]);
  expect(second.seed).not.toEqual(first.seed);
  await Promise.all([tab.close(), again.close()]);
});

test("a tab that begins to work is known by the kept id, and what it shows goes on until it is closed", async () => {
  const { tab, entered } = await entering();
  const looking = new AbortController();
  const visit = await tab.visit(looking);
  const heard = ear();
  await tab.worker.start({ payee, on: heard.on });
  const { mesh, seed } = await tab.join();
  expect(entered).toEqual([visit.seed, seed]);
  expect(tab.state.get()).toMatchObject({ visiting: false, self: mesh.self });
  expect(mesh.self).not.toBe(visit.mesh.self);
  // Somebody still looks through it.
  await visit.mesh.publish("/tabcast/1/offers", new Uint8Array(1));
  // Who looks from now on does so through the one mesh there is.
  expect((await tab.visit(looking)).mesh).toBe(mesh);
  looking.abort();
  await expect
    .poll(() =>
      visit.mesh.publish("/tabcast/1/offers", new Uint8Array(1)).then(
        () => "open",
        () => "closed",
      ),
    )
    .toBe("closed");
  await mesh.publish("/tabcast/1/offers", new Uint8Array(1));
  await tab.close();
});

test("a visitor beside the tab has a mesh of its own, which ends with its signal", async () => {
  const { tab, entered } = await entering();
  const { mesh } = await tab.join();
  const own = new AbortController();
  const visitor = await tab.visitor(own);
  expect(visitor.self).not.toBe(mesh.self);
  expect(entered[1]).toBeUndefined();
  expect(tab.state.get().self).toBe(mesh.self);
  own.abort();
  await expect
    .poll(() =>
      visitor.publish("/tabcast/1/offers", new Uint8Array(1)).then(
        () => "open",
        () => "closed",
      ),
    )
    .toBe("closed");
  await tab.close();
});

/** A tab whose visit, begun before it joined, comes in after that: once `late` is settled. */
async function visitedLate() {
  const stage = await openStage();
  const { outside } = stage.tab();
  const late = Promise.withResolvers<void>();
  let entered = 0;
  const { tab } = stage.tab(memoryBooks(), {
    async mesh(config, options) {
      if (entered++ === 0) await late.promise;
      return outside.mesh(config, options);
    },
  });
  const visit = tab.visit(new AbortController());
  await expect.poll(() => entered).toBe(1);
  const { mesh } = await tab.join();
  return { tab, visit, late, mesh };
}

test("a visit that comes in after the tab has joined is not shown in its place", async () => {
  const { tab, visit, late, mesh } = await visitedLate();
  late.resolve();
  expect((await visit).mesh.self).not.toBe(mesh.self);
  expect(tab.state.get()).toMatchObject({ visiting: false, self: mesh.self });
  await tab.close();
});

test("a visit that fails after the tab has joined does not show it as out of the network", async () => {
  const { tab, visit, late, mesh } = await visitedLate();
  late.reject(new Error("no socket"));
  await expect(visit).rejects.toThrow("no socket");
  expect(tab.state.get()).toMatchObject({ phase: "joined", self: mesh.self });
  expect(tab.state.get().trouble).toBeUndefined();
  await tab.close();
});
