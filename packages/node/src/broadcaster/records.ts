import type { Json, Store } from "@tabcast/channel";
import { type Config, Trust } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import type { Clock } from "@tabcast/runtime";
import { openLine } from "../queue.ts";

/** Records kept; those not touched for longest make room, unless they keep somebody out. */
const MOST_RECORDS = 2_048;
/** Proofs are about a worker, whatever it coded. */
const ANYTHING = "any";

/** Whose record: the worker's key, and the purse it is paid into. */
export interface Whose {
  readonly worker: PeerId;
  /** As 0x and 40 lower-case hexadecimal digits. */
  readonly payee?: string;
}

export interface RecordsOptions {
  /** Where they outlive the tab. */
  readonly store: Pick<Store, "list" | "write">;
  readonly codec: string;
  readonly config: Config;
  readonly clock: Clock;
  /** Told when a record could not be read or written; it counts in this tab all the same. */
  readonly failed: (error: unknown) => void;
}

type Dateless<Event> = Event extends unknown ? Omit<Event, "now"> : never;
/** What happened; it happened now. */
export type Told = Dateless<Trust.Event>;

/** What this node knows of workers, across streams and reloads: carries out `Trust`. */
export interface Records {
  of(whose: Whose): Trust.Record;
  /** How long a worker is kept out, in milliseconds; 0: not. */
  outFor(whose: Whose): number;
  honesty(whose: Whose): number;
  newcomer(whose: Whose): boolean;
  tell(whose: Whose, event: Told): void;
  /** Resolves once everything told so far is stored. */
  stored(): Promise<void>;
}

/** Reads every record there is. One that cannot be read is a stranger's. */
export async function openRecords(options: RecordsOptions): Promise<Records> {
  const { store, codec, config, clock, failed } = options;
  const records = new Map<string, Trust.Record>();
  const writing = openLine();
  const key = (who: string, of = codec) => Trust.keyOf({ who, codec: of, kind: "transcode" });
  for (const [name, value] of await store.list("trust/").catch((error: unknown) => {
    failed(error);
    return [];
  })) {
    const record = Trust.revive(value);
    if (record !== undefined) records.set(name, record);
  }
  const get = (name: string) => records.get(name) ?? Trust.stranger;
  const of = ({ worker, payee }: Whose): Trust.Record => {
    const all = [get(key(worker, ANYTHING))];
    if (payee !== undefined) all.push(get(key(payee)), get(key(payee, ANYTHING)));
    return all.reduce(Trust.combine, get(key(worker)));
  };

  function put(name: string, event: Trust.Event): void {
    const next = Trust.step(get(name), event, config);
    records.delete(name);
    records.set(name, next);
    const gone: string[] = [];
    for (const [other, { outUntil }] of records) {
      if (records.size - gone.length <= MOST_RECORDS) break;
      if (outUntil <= event.now) gone.push(other);
    }
    for (const other of gone) records.delete(other);
    // Numbers only, and JSON has no undefined.
    const json = JSON.parse(JSON.stringify(next)) as Json;
    writing
      .run(() => store.write([[name, json], ...gone.map((other) => [other, undefined] as const)]))
      .catch(failed);
  }

  return {
    of,
    outFor: (whose) => Math.max(0, of(whose).outUntil - clock.unix()),
    newcomer: (whose) => Trust.newcomer(of(whose), config),
    honesty: (whose) => Trust.honesty(of(whose), clock.unix(), config),
    tell({ worker, payee }, told) {
      const event = { ...told, now: clock.unix() } as Trust.Event;
      put(key(worker, event.type === "proof" ? ANYTHING : codec), event);
      // A purse is blamed for its workers, and not praised for them: keys are free.
      const blame = event.type === "strike" || event.type === "proof";
      if (payee !== undefined && blame)
        put(key(payee, event.type === "proof" ? ANYTHING : codec), event);
    },
    stored: () => writing.run(async () => {}),
  };
}
