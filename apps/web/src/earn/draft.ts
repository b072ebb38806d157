import { Amount } from "@tabcast/runtime";
import type { WorkerSettings } from "@tabcast/tab";
import * as Money from "@tabcast/tab/money";
import {
  hoursText,
  parseAmount,
  parseHours,
  parseWords,
  parseWorkerSettings,
  SettingsError,
  workerSettingsJson,
} from "@tabcast/tab/settings";
import { sentence } from "../format.ts";
import * as Price from "../price.ts";
import type { NetworkMoney } from "../unit.ts";

/** A worker's settings as they are being typed. */
export interface Draft {
  /** Per output gigapixel, in what pots pay in. */
  readonly price: string;
  /** How much may be owed without a guarantee; empty: the default. */
  readonly softCap: string;
  /** Percent of a late claim for a watchtower; empty: the default. */
  readonly watchtowerShare: string;
  readonly jobs: number;
  readonly onlyWhenCharging: boolean;
  readonly hours: string;
  readonly allow: string;
  readonly deny: string;
  readonly tags: string;
  readonly crews: string;
}

/** What is wrong, by field, each as one sentence. */
export type Errors = { readonly [field in keyof Draft]?: string };

/** The settings in the form that `readDraft` reads. */
export const draftOf = (
  { price, softCap, watchtowerShare, limits, hours, ...lists }: WorkerSettings,
  { pay }: NetworkMoney,
): Draft => ({
  price: Price.typed(price, pay),
  softCap: softCap === undefined ? "" : Money.typed(Money.of(softCap, pay)),
  watchtowerShare: watchtowerShare === undefined ? "" : `${watchtowerShare}`,
  ...limits,
  hours: hoursText(hours),
  allow: lists.allow.join("\n"),
  deny: lists.deny.join("\n"),
  tags: lists.tags.join(", "),
  crews: lists.crews.join("\n"),
});

/** The settings as typed; what no field shows comes from `before`. Undefined while something is wrong. */
export function readDraft(
  draft: Draft,
  before: WorkerSettings,
  { pay, currency }: NetworkMoney,
): { readonly settings?: WorkerSettings; readonly errors: Errors } {
  const errors: { [field in keyof Draft]?: string } = {};
  const read = <
    Name extends
      | "price"
      | "softCap"
      | "watchtowerShare"
      | "hours"
      | "allow"
      | "deny"
      | "tags"
      | "crews",
  >(
    field: Name,
    value: () => WorkerSettings[Name],
  ): Pick<WorkerSettings, Name> => {
    try {
      // Each by itself, so that every field says what is wrong with it.
      const one = { ...workerSettingsJson(before), [field]: value() };
      return { [field]: parseWorkerSettings(one, currency)[field] } as Pick<WorkerSettings, Name>;
    } catch (thrown) {
      if (!(thrown instanceof SettingsError)) throw thrown;
      errors[field] = inField(thrown);
      return { [field]: before[field] } as Pick<WorkerSettings, Name>;
    }
  };
  const { jobs, onlyWhenCharging } = draft;
  const { softCap: _, watchtowerShare: __, ...others } = before;
  const settings: WorkerSettings = {
    ...others,
    limits: { jobs, onlyWhenCharging },
    ...read("price", () => parseAmount("price", draft.price, pay)),
    ...(draft.softCap.trim() !== "" && read("softCap", () => softCapOf(draft.softCap, pay))),
    ...(draft.watchtowerShare.trim() !== "" &&
      read("watchtowerShare", () => Number(draft.watchtowerShare))),
    ...read("hours", () => parseHours(draft.hours)),
    ...read("allow", () => parseWords(draft.allow)),
    ...read("deny", () => parseWords(draft.deny)),
    ...read("tags", () => parseWords(draft.tags)),
    ...read("crews", () => parseWords(draft.crews)),
  };
  return Object.keys(errors).length > 0 ? { errors } : { settings, errors };
}

/** Nothing at all may be owed too: then only guaranteed work is done. */
const softCapOf = (text: string, pay: Money.Unit) =>
  /^\$?0+(\.0+)?$/.test(text.trim()) ? Amount.zero : parseAmount("softCap", text, pay);

/** A setting's error below its own label, which says already which setting it is. */
export function inField({ message, reason }: SettingsError): string {
  const { field } = reason;
  return sentence(message.startsWith(field) ? message.slice(field.length) : message);
}
