import type { Wallet } from "@tabcast/channel";
import type { CodecName, Rung, Source } from "@tabcast/media";
import type { BroadcastEvent, Visibility } from "@tabcast/node/types";
import type { Amount, Wei } from "@tabcast/runtime";
import type { BroadcastStart, HiringSettings, Tab } from "@tabcast/tab";
import { TabError } from "@tabcast/tab";
import * as Air from "./on-air.ts";
import * as Pace from "./pace.ts";
import { cell, type Store } from "./store.ts";

/** What goes on air. The camera or screen is opened by the page, which has to ask for it, and given back by `close`. */
export type Input =
  | { readonly kind: "scene"; readonly width: number; readonly height: number }
  | { readonly kind: "file"; readonly file: File }
  | {
      readonly kind: "camera" | "screen";
      readonly open: () => Source;
      readonly close: () => void;
    };

export interface BroadcastRequest {
  readonly title: string;
  readonly visibility: Visibility;
  readonly input: Input;
  readonly rungs: readonly Rung[];
  readonly codec: CodecName;
  /** Workers to hire; 0 encodes here and costs nothing. */
  readonly wanted: number;
  readonly deposit: Amount;
  /** Whom to hire. Default: what this browser keeps. */
  readonly hiring?: HiringSettings;
  /** Who pays; needed if `wanted` is above 0. */
  readonly wallet?: Wallet;
  /** This browser's gas purse pays the gas, where a signature is all that the deposit takes. Default: the wallet does. */
  readonly gasFromPurse?: boolean;
}

async function openInput(input: Input, signal: AbortSignal): Promise<Source> {
  const media = await import("@tabcast/media");
  switch (input.kind) {
    case "scene":
      return media.openScene({ width: input.width, height: input.height, signal });
    case "file":
      return media.openFile(input.file, input.file.name, { pace: "live", signal });
    default:
      return input.open();
  }
}

/** What a segment's payments do to the pace, at the time that they were signed. */
function paced(now: Air.OnAir, event: BroadcastEvent | { type: "funding" }): Air.OnAir {
  if (event.type !== "segment") return now;
  const paid = event.lines.reduce((sum, { paid }) => sum + BigInt(paid), 0n);
  return paid === 0n ? now : { ...now, pace: Pace.add(now.pace, Date.now(), paid) };
}

/** Going on air, as the pages see it. */
export function airVerbs({ broadcaster, books }: Pick<Tab, "broadcaster" | "books">) {
  const onAir = cell(Air.offAir);

  const startOf = (request: BroadcastRequest): BroadcastStart => {
    const { title, visibility, input, rungs, codec, wanted, deposit } = request;
    const { hiring, wallet, gasFromPurse } = request;
    return {
      title,
      visibility,
      open: ({ signal }) => openInput(input, signal),
      rungs: () => rungs,
      codec,
      wanted,
      pace: "live",
      deposit,
      ...(hiring && { hiring }),
      ...(wallet && { payer: async () => wallet }),
      ...(gasFromPurse && { gasFromPurse }),
      on(event) {
        // The last frame is in: give the camera back, however long settling takes.
        if (event.type === "ended" && "close" in input) input.close();
        onAir.update((now) => Air.step(paced(now, event), event));
      },
    };
  };

  /** Puts the deposit in the pot and goes live. Progress, failures and the result are in `onAir`. */
  async function startBroadcast(request: BroadcastRequest): Promise<void> {
    if (broadcaster.busy())
      throw new TabError({ code: "TAB_BUSY", what: "broadcast" }, "this tab is already on air");
    const { title, visibility, input, hiring } = request;
    onAir.set({ ...Air.offAir, phase: "preparing", title, visibility, startedAt: Date.now() });
    try {
      if (hiring !== undefined) await books.keepHiringSettings(hiring);
      const running = await broadcaster.start(startOf(request));
      const { keys } = running;
      onAir.update((now) => ({ ...now, ...(keys && { keys }) }));
      const report = await running.finished;
      onAir.update((now) => ({ ...now, phase: "ended", report }));
    } catch (thrown) {
      onAir.update((now) => ({ ...now, phase: "failed", thrown }));
    } finally {
      if ("close" in input) input.close();
    }
  }

  return {
    onAir: onAir as Store<Air.OnAir>,
    /** Whom this browser hired the last time. Throws SETTINGS_BAD, StoreError. */
    hiringSettings: books.hiringSettings,
    startBroadcast,
    /** Where the deposit of the broadcast under way is; undefined without one. */
    potBalances: broadcaster.balances,
    /** Adds to the deposit of the broadcast under way. Throws TabError, ChainError. */
    async topUp(amount: Amount) {
      await broadcaster.topUp(amount);
      const deposited = broadcaster.balances()?.deposited;
      onAir.update((now) => ({
        ...now,
        lowFor: undefined,
        ...(deposited !== undefined && { deposited }),
      }));
    },
    /** Sends the session key of the broadcast under way coins for gas, from whoever paid its first. Throws TabError, ChainError. */
    async topUpGas(amount: Wei) {
      await broadcaster.topUpGas(amount);
      onAir.update((now) => ({ ...now, lacksGas: undefined }));
    },
    /** Ends the input; what was captured is still delivered and settled. */
    endBroadcast() {
      broadcaster.stop();
      onAir.update((now) => (now.phase === "live" ? { ...now, phase: "ending" } : now));
    },
    /** How the newest segments came to be, of the broadcast under way or of the last one. */
    traces: () => broadcaster.traces() ?? onAir.get().report?.trace ?? [],
    /** Forgets the last broadcast's result, for the next one. */
    clearBroadcast() {
      if (!broadcaster.busy()) onAir.set(Air.offAir);
    },
  };
}
