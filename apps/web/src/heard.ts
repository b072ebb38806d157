/** What a worker's purse has told this page of its money, pot by pot. */
import type { PurseNews } from "@tabcast/channel";
import type { WorkerEvent } from "@tabcast/node/types";
import type { Due } from "./duties.ts";
import type { Guarantee } from "./owed.ts";

type Told = Extract<WorkerEvent, { type: "hired" | "money" | "delegated" }>;

/** Bounded by the pots that a purse watches. */
export interface Heard {
  readonly guarantees: ReadonlyMap<string, Guarantee>;
  /** Paid on chain since this page was opened. */
  readonly claimed: ReadonlyMap<string, bigint>;
  readonly due: ReadonlyMap<string, Due>;
  /** Pots whose unguaranteed vouchers are as many as this tab takes. */
  readonly waiting: ReadonlySet<string>;
  readonly keepers: ReadonlyMap<string, number>;
  /** The stream that a pot pays for. */
  readonly streams: ReadonlyMap<string, string>;
}

export const nothing: Heard = {
  guarantees: new Map(),
  claimed: new Map(),
  due: new Map(),
  waiting: new Set(),
  keepers: new Map(),
  streams: new Map(),
};

const put = <T>(map: ReadonlyMap<string, T>, key: string, value: T | undefined) => {
  const next = new Map(map);
  if (value === undefined) next.delete(key);
  else next.set(key, value);
  return next;
};

const without = (set: ReadonlySet<string>, key: string) =>
  new Set([...set].filter((one) => one !== key));

/** What is known after one event. */
export function after(heard: Heard, event: Told): Heard {
  switch (event.type) {
    case "hired":
      return { ...heard, streams: put(heard.streams, event.potId, event.stream) };
    case "delegated":
      return { ...heard, keepers: put(heard.keepers, event.potId, event.keepers) };
    case "money":
      return afterNews(heard, event.news);
  }
}

function afterNews(heard: Heard, news: PurseNews): Heard {
  const { potId } = news;
  const { guarantees, claimed, due, waiting } = heard;
  const paid = claimed.get(potId) ?? 0n;
  switch (news.type) {
    case "reserved": {
      const { ceiling, until } = news;
      return {
        ...heard,
        guarantees: put(guarantees, potId, { ceiling, until }),
        waiting: without(waiting, potId),
      };
    }
    case "unguaranteed":
      return { ...heard, waiting: new Set(waiting).add(potId) };
    case "credited":
      return { ...heard, waiting: without(waiting, potId) };
    case "claimed":
      return {
        ...heard,
        claimed: put(claimed, potId, paid + news.paid),
        due: put(due, potId, undefined),
        waiting: without(waiting, potId),
      };
    case "due":
      return { ...heard, due: put(due, potId, { amount: news.amount, before: news.before }) };
    case "reorg":
      return { ...heard, claimed: put(claimed, potId, paid - (news.from - news.to)) };
    case "bounced":
      return heard;
  }
}
