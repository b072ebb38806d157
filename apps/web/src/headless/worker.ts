import { indexedDb, openBurner, openPurse, openWatchtower } from "@tabcast/channel";
import type { WorkerStart, WorkerStarted } from "@tabcast/localnet/headless";
import { type CodecName, createTranscoder, type Measured, measure } from "@tabcast/media";
import type { WorkerEvent } from "@tabcast/node/types";
import { work } from "@tabcast/node/worker";
import { Keys } from "@tabcast/protocol";
import { join, tell } from "./join.ts";

/** A worker that runs, and its end. */
export interface Running {
  readonly started: WorkerStarted;
  close(): Promise<void>;
}

/** Measures this device, opens its books, and works. Its payee is a wallet that never leaves this page. */
export async function runWorker(
  { codecs, patience }: WorkerStart,
  { signal }: { signal: AbortSignal },
): Promise<Running> {
  const on = (event: WorkerEvent) => void tell({ from: "worker", event });
  const [{ config, mesh, seed }, capabilities] = await Promise.all([
    join({ signal }),
    measureAll(codecs, signal),
  ]);
  for (const capability of capabilities) on({ type: "measured", ...capability });
  const { id: chainId, contract, rpc } = config.chain;
  const store = await indexedDb();
  const burner = await openBurner({ store });
  const { account } = burner;
  const books = { domain: { chainId, contract }, rpc, account, store, signal };
  const purse = await openPurse({ payee: burner.address, ...books });
  const watchtower = await openWatchtower(books);
  await mesh
    .reachable({ signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]) })
    .catch((cause) => {
      signal.throwIfAborted();
      throw new Error(`no relay held a slot for this tab within ${patience} ms`, { cause });
    });
  on({ type: "reachable", addrs: mesh.addrs().length });
  const transcoder = createTranscoder({ measured: capabilities });
  const keys = await Keys.fromSeed(seed);
  const node = work({
    mesh,
    keys,
    purse,
    watchtower,
    transcoder,
    capabilities,
    measure,
    on,
    signal,
  });
  return {
    started: { peer: mesh.self, payee: purse.payee, capabilities },
    async close() {
      await node.close();
      transcoder.close();
      await purse.close();
      await watchtower.close();
      await mesh.close();
    },
  };
}

/** What this device can do, one family after the other: together they would measure each other. */
async function measureAll(codecs: readonly CodecName[], signal: AbortSignal): Promise<Measured[]> {
  const found: Measured[] = [];
  for (const [at, codec] of codecs.entries())
    try {
      found.push(await measure({ codec, signal }));
    } catch (error) {
      // A family that this browser cannot encode is one that it does not offer; without any, it is no worker.
      if (signal.aborted || (at === codecs.length - 1 && found.length === 0)) throw error;
    }
  return found;
}
