import { indexedDb, openBurner, openPot } from "@tabcast/channel";
import type { BroadcastStart, BroadcastStarted } from "@tabcast/localnet/headless";
import {
  defaultLadder,
  openFile,
  openScene,
  parseLadder,
  type Rung,
  type Source,
} from "@tabcast/media";
import { broadcast } from "@tabcast/node/broadcaster";
import type { NetworkConfig } from "@tabcast/node/config";
import type { PublishedSegment } from "@tabcast/node/types";
import { CodedError, describe, Micros, toError, Wei } from "@tabcast/runtime";
import { privateKeyToAccount } from "viem/accounts";
import { join, tell } from "./join.ts";

/** A broadcast that runs, and its ends: after the input, or at once. */
export interface OnAir {
  readonly started: BroadcastStarted;
  stop(): void;
  close(): Promise<void>;
}

/** Opens the input and goes live. The broadcast's end is told as `finished` or `failed`. */
export async function runBroadcast(
  start: BroadcastStart,
  { signal }: { signal: AbortSignal },
): Promise<OnAir> {
  const source = await openSource(start, signal);
  try {
    const { config, mesh } = await join({ signal });
    const rungs = ladder(start.ladder, source);
    await mesh.reachable({ signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]) });
    const { codec, pace, title, wanted, record, aac } = start;
    const running = await broadcast({
      mesh,
      source,
      rungs,
      codec,
      title,
      pace,
      wanted,
      aac,
      ...(wanted > 0 ? { openPot: (options) => fund(config, start, options) } : {}),
      ...(record === undefined ? {} : { record: recorder(record, signal) }),
      on: (event) => void tell({ from: "broadcast", event }),
      signal,
    });
    running.finished
      .then((report) => tell({ from: "finished", report }))
      .catch((thrown) => {
        const error = toError(thrown);
        const code = error instanceof CodedError ? error.code : error.name;
        return tell({ from: "failed", code, message: describe(error) });
      })
      .finally(() => source.close());
    return {
      started: { stream: running.stream, peer: mesh.self },
      stop: () => running.stop(),
      async close() {
        source.close();
        await mesh.close();
      },
    };
  } catch (error) {
    source.close();
    throw error;
  }
}

function openSource(
  { source, segment, pace, seed, seconds, size }: BroadcastStart,
  signal: AbortSignal,
): Promise<Source> {
  const options = { segment: Micros.fromSeconds(segment), pace, seed, signal };
  if (source === "scene")
    return openScene({
      ...options,
      ...size,
      ...(seconds === undefined ? {} : { duration: Micros.fromSeconds(seconds) }),
    });
  const file = document.querySelector<HTMLInputElement>("input[type=file]")?.files?.[0];
  if (file === undefined) throw new Error("no file was given to the page");
  return openFile(file, file.name, options);
}

/** The rungs asked for; by default every usual one that is not larger than the source. */
function ladder(text: string | undefined, { info }: Source): readonly Rung[] {
  if (text !== undefined) return parseLadder(text, info);
  return defaultLadder(info);
}

/** Deposits from the key that was given, or from this page's own wallet and the local chain's faucet. */
async function fund(
  { chain }: NetworkConfig,
  { deposit, payerKey }: BroadcastStart,
  { signal }: { signal: AbortSignal },
) {
  const store = await indexedDb();
  let payer = payerKey === undefined ? undefined : privateKeyToAccount(payerKey);
  if (payer === undefined) {
    const burner = await openBurner({ store });
    if (chain.faucet !== undefined) await askFaucet(chain.faucet, burner.address, signal);
    payer = burner.account as ReturnType<typeof privateKeyToAccount>;
  }
  return openPot({
    domain: { chainId: chain.id, contract: chain.contract },
    rpc: chain.rpc,
    payer,
    deposit: Wei.of(BigInt(deposit)),
    store,
    signal,
    // The least the contract takes: on a local chain its clock is moved, elsewhere the refund waits for it.
    challengePeriod: 900,
  });
}

async function askFaucet(faucet: string, address: string, signal: AbortSignal): Promise<void> {
  const response = await fetch(faucet, {
    method: "POST",
    body: JSON.stringify({ address }),
    signal,
  });
  if (!response.ok) throw new Error(`the faucet answered ${response.status}`);
}

/** Sends every piece of a segment to the command, then what the segment is. */
function recorder(token: string, signal: AbortSignal) {
  const put = async (path: string, body: Uint8Array<ArrayBuffer>) => {
    const response = await fetch(`/local/record/${token}/${path}`, { method: "PUT", body, signal });
    if (!response.ok) throw new Error(`the recorder answered ${response.status} to ${path}`);
  };
  return async ({ seq, start, duration, capturedAt, tracks }: PublishedSegment) => {
    for (const { name, init, media } of tracks) {
      const folder = `${encodeURIComponent(name)}/${seq}`;
      await put(`${folder}/init`, init);
      await put(`${folder}/media`, media);
    }
    const segment = {
      seq,
      start,
      duration,
      capturedAt,
      tracks: tracks.map(({ name, codecs, frames }) => ({ name, codecs, frames })),
    };
    await tell({ from: "recorded", segment });
  };
}
