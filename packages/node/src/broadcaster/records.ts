import type { Change, Json, Store } from "@tabcast/channel";
import { Trust } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import { CODECS } from "@tabcast/protocol";
import { BoundedMap, SerialQueue, toHex } from "@tabcast/runtime";
import type { StreamContext } from "./context.ts";

/** Records kept; those not touched for longest make room, first of all those that keep nobody out. */
const MOST_RECORDS = 2_048;
/** Of these, records that keep somebody out: keys are free, and so are their faults. */
const MOST_SUSPENDED = MOST_RECORDS / 2;
/** Records of proofs, besides; the oldest makes room. Whoever makes keys can prove their faults to everybody. */
const MOST_PROVED = 512;
/** Proofs are about a worker, whatever it coded. */
const ANYTHING = "any";

/** Whose record: the worker's key, and the payee that answers for it. */
export interface Whose {
  readonly worker: PeerId;
  /** The payee that has signed for the worker's key, as 0x and 40 lower-case hexadecimal digits; none where it was only named. */
  readonly provenPayee?: string;
}

/** Whose record a member's is, or a bidder's. */
export const whoseOf = ({
  worker,
  payee,
  payeeProven,
}: {
  readonly worker: PeerId;
  readonly payee: Uint8Array;
  readonly payeeProven: boolean;
}): Whose => ({ worker, ...(payeeProven && { provenPayee: `0x${toHex(payee)}` }) });

export interface RecordsOptions {
  /** Where they outlive the tab. */
  readonly store: Pick<Store, "list" | "write">;
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
  suspendedFor(whose: Whose): number;
  honesty(whose: Whose): number;
  newcomer(whose: Whose): boolean;
  /** Whether anything was ever told of it: whoever only made a key is unknown. */
  knows(whose: Whose): boolean;
  tell(whose: Whose, event: Told): void;
  /** Resolves once everything told so far is stored. */
  stored(): Promise<void>;
}

/** Reads every record there is. One that cannot be read is a stranger's. */
export async function openRecords(
  { codec, config, clock }: Pick<StreamContext, "codec" | "config" | "clock">,
  { store, failed }: RecordsOptions,
): Promise<Records> {
  const records = new Map<string, Trust.Record>();
  /** Proofs that made room, and are still stored. */
  const outdated: string[] = [];
  const proofs = new BoundedMap<string, Trust.Record>(MOST_PROVED, (name) => outdated.push(name));
  const poolOf = (name: string) => (name.endsWith(`/${ANYTHING}/transcode`) ? proofs : records);
  const writing = new SerialQueue();
  const key = (who: string, of: string = codec) =>
    Trust.keyOf({ who, codec: of, kind: "transcode" });
  for (const [name, value] of await store.list("trust/").catch((error: unknown) => {
    failed(error);
    return [];
  })) {
    const record = Trust.revive(value);
    if (record !== undefined) poolOf(name).set(name, record);
  }
  /** Apart from what version 0.1 wrote under bare addresses, which nobody had proved. */
  const signedBy = (payee: string) => `signed:${payee}`;
  const get = (name: string) => poolOf(name).get(name) ?? Trust.stranger;
  const of = ({ worker, provenPayee }: Whose): Trust.Record => {
    const all = [get(key(worker, ANYTHING))];
    if (provenPayee !== undefined) {
      const payee = signedBy(provenPayee);
      all.push(get(key(payee)), get(key(payee, ANYTHING)));
    }
    return all.reduce(Trust.combine, get(key(worker)));
  };

  /** The records that make room, oldest first. */
  function superfluous(now: number): string[] {
    if (records.size <= MOST_RECORDS) return [];
    const [suspended, others]: [string[], string[]] = [[], []];
    for (const [name, { suspendedUntil }] of records)
      (suspendedUntil > now ? suspended : others).push(name);
    const rest = Math.min(suspended.length, MOST_SUSPENDED);
    return [
      ...suspended.slice(0, suspended.length - rest),
      ...others.slice(0, Math.max(0, others.length + rest - MOST_RECORDS)),
    ];
  }

  /** Steps a record in memory; what to store of it. */
  function put(name: string, event: Trust.Event): Change[] {
    const next = Trust.step(get(name), event, config);
    poolOf(name).delete(name);
    poolOf(name).set(name, next);
    const gone = superfluous(event.now);
    for (const other of gone) records.delete(other);
    gone.push(...outdated.splice(0));
    // Numbers only, and JSON has no undefined.
    const json = JSON.parse(JSON.stringify(next)) as Json;
    return [[name, json], ...gone.map((other) => [other, undefined] as const)];
  }

  return {
    of,
    suspendedFor: (whose) => Math.max(0, of(whose).suspendedUntil - clock.unix()),
    knows: ({ worker }) =>
      [...CODECS, ANYTHING].some((about) => poolOf(key(worker, about)).has(key(worker, about))),
    newcomer: (whose) => Trust.newcomer(of(whose), config),
    honesty: (whose) => Trust.honesty(of(whose), clock.unix(), config),
    tell({ worker, provenPayee }, told) {
      const event = { ...told, now: clock.unix() } as Trust.Event;
      const about = event.type === "proof" ? ANYTHING : codec;
      const changes = put(key(worker, about), event);
      // A payee hears what is about honesty: its strikes age by the results of all its workers. Speed is a matter of each device.
      if (provenPayee !== undefined && event.type !== "silent") {
        const { type, now } = event;
        changes.push(...put(key(signedBy(provenPayee), about), { type, now }));
      }
      writing.run(() => store.write(changes)).catch(failed);
    },
    stored: () => writing.run(async () => {}),
  };
}
