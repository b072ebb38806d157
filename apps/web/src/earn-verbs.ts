import { type CrewLink, MOST_CREW_LINKS } from "@tabcast/node/crew-link";
import { describe } from "@tabcast/runtime";
import type { Tab, TabWorkerEvent, Who, WorkerSettings } from "@tabcast/tab";
import { workerDefaults } from "@tabcast/tab/settings/defaults";
import * as Earn from "./earning.ts";
import * as Pace from "./pace.ts";
import { cell, type Store } from "./store.ts";

/** The check of a device measures no further codec after this long, in milliseconds. */
const LONGEST_CHECK = 1_500;

/** What its owner wants of this tab's worker, as far as it is known. */
export interface KeptSettings {
  readonly loaded: boolean;
  readonly settings: WorkerSettings;
  /** What was kept is priced in another currency, so that this network's usual price stands in. */
  readonly replaced?: boolean;
  /** Why the stored ones could not be read; the defaults stand in for them. */
  readonly trouble?: string;
}

/** What a payment does to the pace, at the time that it came. */
function paced(now: Earn.Earning, event: TabWorkerEvent) {
  if (event.type !== "paid") return now;
  return { ...now, pace: Pace.add(now.pace, Date.now(), event.credited) };
}

/** Crew links by their streams, in this tab's memory alone: a key is kept in no store. */
export function openCrewLinks(worker: Pick<Tab["worker"], "joinPrivate" | "leavePrivate">) {
  const links = cell<ReadonlyMap<string, CrewLink>>(new Map());
  const left = cell<ReadonlySet<string>>(new Set());
  return {
    links,
    /** Streams whose crews a person left, and did not join again. */
    left,
    /**
     * Works for a private stream, from now on or from when this tab works. An address does not join again what a person left:
     * it may be there because somebody went back. Throws LINK_BAD in a sentence.
     */
    async join(text: string, { byAddress = false } = {}): Promise<void> {
      const { LinkError, parseCrewLink } = await import("@tabcast/tab/links");
      const link = parseCrewLink(text);
      if (byAddress && left.get().has(link.stream)) return;
      const all = links.get();
      if (!all.has(link.stream) && all.size >= MOST_CREW_LINKS)
        throw new LinkError(
          { code: "LINK_BAD" },
          `This tab works for ${MOST_CREW_LINKS} private streams already, and can for no more: leave one of them first.`,
        );
      worker.joinPrivate(link);
      links.update((before) => new Map(before).set(link.stream, link));
      left.update((before) => new Set([...before].filter((id) => id !== link.stream)));
    },
    leave(stream: string): void {
      worker.leavePrivate(stream);
      links.update((before) => new Map([...before].filter(([id]) => id !== stream)));
      left.update((before) => new Set(before).add(stream));
    },
    /** To be called when this tab has begun to work. */
    joinAll() {
      for (const link of links.get().values()) worker.joinPrivate(link);
    },
  };
}

/** Work, as the pages see it. */
export function earnVerbs({ worker, books, config }: Pick<Tab, "worker" | "books" | "config">) {
  const earning = cell(Earn.notEarning);
  const kept = cell<KeptSettings>({ loaded: false, settings: workerDefaults });
  const crews = openCrewLinks(worker);
  let stopped = false;

  /** Reads what this browser keeps; failures are in `kept`. */
  async function loadSettings(): Promise<void> {
    if (kept.get().loaded) return;
    const { currency } = (await config()).chain;
    const stored = Promise.all([books.workerSettings(currency), books.pricedElsewhere(currency)]);
    const read = stored.then(
      ([settings, replaced]) => ({ settings, replaced }),
      async (thrown) => {
        const { settingsIn } = await import("@tabcast/tab/settings");
        return { settings: settingsIn(workerDefaults, currency), trouble: describe(thrown) };
      },
    );
    kept.set({ loaded: true, ...(await read) });
  }

  /** Applies settings and keeps them. Throws StoreError. */
  async function setWorker(settings: WorkerSettings): Promise<void> {
    kept.set({ loaded: true, settings });
    await worker.set(settings);
  }

  const turn = (state: "paused" | "working") => {
    earning.update((now) => ({ ...now, phase: state }));
    // It acts at once; keeping it is for the next time.
    setWorker({ ...kept.get().settings, state }).catch(() => undefined);
  };

  /** Measures this device, then works until it is paused or stopped. Resolves when it has joined; failures are in `earning`. */
  async function startWorker(who: Who, changed?: WorkerSettings): Promise<void> {
    const { phase } = earning.get();
    if (phase !== "idle" && phase !== "failed") return;
    stopped = false;
    earning.set({
      ...Earn.notEarning,
      phase: "checking",
      payee: who.payee,
      ...(who.wallet && { wallet: who.wallet }),
    });
    try {
      await loadSettings();
      const { payee } = who;
      const wanted = changed ?? kept.get().settings;
      const settings: WorkerSettings = { ...wanted, payee, state: "working" };
      await setWorker(settings);
      if (stopped) return;
      await worker.start({
        ...who,
        settings,
        checking: LONGEST_CHECK,
        on: (event) => earning.update((now) => Earn.step(paced(now, event), event)),
      });
      crews.joinAll();
      earning.update((now) => ({ ...now, phase: "working" }));
    } catch (thrown) {
      if (stopped) earning.set(Earn.notEarning);
      else earning.update((now) => ({ ...now, phase: "failed", thrown }));
    }
  }

  /** Cancels the check, or says goodbye and keeps the books. */
  async function stopWorker(): Promise<void> {
    stopped = true;
    const { phase } = earning.get();
    if (phase === "checking" || phase === "joining") {
      await worker.stop();
      earning.set(Earn.notEarning);
      return;
    }
    earning.update((now) => ({ ...now, phase: "stopping" }));
    await worker.stop();
    earning.update((now) => ({ ...now, phase: "idle", hired: new Map() }));
  }

  return {
    earning: earning as Store<Earn.Earning>,
    kept: kept as Store<KeptSettings>,
    crewLinks: crews.links as Store<ReadonlyMap<string, CrewLink>>,
    leftCrews: crews.left as Store<ReadonlySet<string>>,
    joinPrivate: crews.join,
    leavePrivate: crews.leave,
    loadSettings,
    setWorker,
    startWorker,
    pauseWorker: () => turn("paused"),
    resumeWorker: () => turn("working"),
    stopWorker,
  };
}
