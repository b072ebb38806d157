import type { Wallet } from "@tabcast/channel";
import type { BroadcastStart, BroadcastStarted } from "@tabcast/localnet/headless";
import { defaultLadder, openFile, openScene, parseLadder, type Source } from "@tabcast/media";
import type { PublishedSegment } from "@tabcast/node/types";
import { Amount, CodedError, describe, Micros, toError } from "@tabcast/runtime";
import type { Tab } from "@tabcast/tab";
import { parseHiringSettings } from "@tabcast/tab/settings";
import { privateKeyToAccount } from "viem/accounts";
import { tell } from "./tell.ts";

/** Milliseconds that a relay may take to hold a slot for this tab. */
const PATIENCE = 30_000;

/** Opens the input and goes live. The broadcast's end is told as `finished` or `failed`. */
export async function startBroadcast(
  tab: Tab,
  start: BroadcastStart,
  { signal }: { signal: AbortSignal },
): Promise<BroadcastStarted> {
  const { codec, pace, title, visibility, wanted, record, aac, deposit, hiring } = start;
  if (start.relayOnly !== undefined) await tab.relayOnly.set(start.relayOnly);
  const running = await tab.broadcaster.start({
    title,
    ...(visibility !== undefined && { visibility }),
    open: (options) => openSource(start, options),
    rungs: ({ info }) =>
      start.ladder === undefined ? defaultLadder(info) : parseLadder(start.ladder, info),
    codec,
    pace,
    wanted,
    aac,
    payer: () => payer(tab, start),
    deposit: Amount.of(BigInt(deposit)),
    hiring: parseHiringSettings(hiring ?? {}),
    reachableIn: PATIENCE,
    ...(record !== undefined && { record: recorder(record, signal) }),
    on(event) {
      if (event.type !== "funding") void tell({ from: "broadcast", event });
    },
  });
  running.finished.then(
    (report) => tell({ from: "finished", report }),
    (thrown) => {
      const error = toError(thrown);
      const code = error instanceof CodedError ? error.code : error.name;
      return tell({ from: "failed", code, message: describe(error) });
    },
  );
  const { mesh } = await tab.join();
  const { stream, keys } = running;
  return { stream, peer: mesh.self, ...(keys !== undefined && { keys }) };
}

function openSource(
  { source, segment, pace, seed, seconds, size }: BroadcastStart,
  { signal }: { signal: AbortSignal },
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

/** The key that was given, or this page's own wallet, filled where the chain gives play money. */
async function payer(tab: Tab, { payerKey }: BroadcastStart): Promise<Wallet> {
  if (payerKey !== undefined) return privateKeyToAccount(payerKey);
  const config = await tab.config();
  const { account } = await (config.chain.faucet === undefined
    ? tab.wallet.open()
    : tab.wallet.filled());
  return account;
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
