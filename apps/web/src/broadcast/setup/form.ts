/** What a person has put into the form, and what follows from it. */
import { type CodecName, defaultLadder, type Rung } from "@tabcast/media";
import type { Wei } from "@tabcast/runtime";
import * as budget from "../../budget.ts";
import * as format from "../../format.ts";
import type { Ready } from "./ready.ts";

/** As typed. */
export interface Form {
  readonly title: string;
  /** Names of the rungs that are left out. */
  readonly left: ReadonlySet<string>;
  readonly codec: CodecName;
  readonly workers: string;
  /** The deposit, in ETH. */
  readonly ether: string;
  readonly hours: string;
}

export const FORM: Form = {
  title: "",
  left: new Set(),
  codec: "avc",
  workers: "2",
  ether: "0.05",
  hours: "2",
};

/** What the form comes to. An amount that is undefined was not understood. */
export interface Reading {
  /** All rungs that are not larger than the source, and those that were chosen. */
  readonly ladder: readonly Rung[];
  readonly rungs: readonly Rung[];
  readonly wanted: number;
  /** Somebody is to be paid. */
  readonly paying: boolean;
  readonly deposit: Wei | undefined;
  readonly hours: number | undefined;
  /** What the hours on air cost, where that can be told. */
  readonly plan: Parameters<typeof budget.atMost>[0] | undefined;
  readonly badWorkers: string | undefined;
  readonly badDeposit: string | undefined;
}

export function read(form: Form, ready: Ready | undefined): Reading {
  const ladder = ready === undefined ? [] : defaultLadder(ready);
  const rungs = ladder.filter((rung) => !form.left.has(rung.name));
  const wanted = Number(form.workers);
  const deposit = format.parseEther(form.ether);
  const hours = budget.parseHours(form.hours);
  const paying = wanted > 0 && rungs.length > 0;
  const plan =
    paying && hours !== undefined && ready !== undefined
      ? { rungs, frameRate: ready.frameRate, hours, maxPrice: budget.MAX_PRICE }
      : undefined;
  return {
    ladder,
    rungs,
    wanted,
    paying,
    deposit,
    hours,
    plan,
    badWorkers: /^[0-8]$/.test(form.workers) ? undefined : "A whole number from 0 to 8.",
    badDeposit: paying && deposit === undefined ? "An amount in ETH, such as 0.05." : undefined,
  };
}

/** How long a deposit lasts at a gwei per output megapixel, the highest price we accept by default. */
export function lasting(deposit: Wei, rungs: readonly Rung[], frameRate: number): string {
  const pixels = rungs.reduce((sum, { width, height }) => sum + width * height, 0) * frameRate;
  if (pixels <= 0) return "as long as you like";
  const hours = Number(deposit) / 1e9 / (pixels / 1e6) / 3600;
  if (hours >= 48) return `about ${format.counted(Math.floor(hours / 24), "day")}`;
  return hours >= 1
    ? `about ${format.counted(Math.floor(hours), "hour")}`
    : `about ${format.counted(Math.max(1, Math.floor(hours * 60)), "minute")}`;
}
