import * as Chains from "@tabcast/channel/chains";
import { originalName } from "@tabcast/media/ladder";
import type { BroadcastEvent } from "@tabcast/node/types";
import type { WatchtowerNews } from "@tabcast/tab";
import * as Money from "@tabcast/tab/money";
import type { TreeMemory } from "./memory.ts";
import { notAsked, type Plain, plainJson, type Report } from "./report.ts";
import type { NetEvent } from "./types.ts";

/** Everything that the command may tell. */
export type Line =
  | NetEvent
  | Plain<BroadcastEvent>
  | { readonly type: "links"; readonly links: Readonly<Record<string, string>> }
  | { readonly type: "note"; readonly message: string }
  | { readonly type: "memory"; readonly peak: TreeMemory }
  | { readonly type: "report"; readonly report: Report; readonly out?: string }
  | { readonly type: "done"; readonly exit: number };

/** Writes lines for people, or one JSON object each. */
export interface Printer {
  print(line: Line): void;
}

/** One JSON object a line, with `at`, milliseconds since the command began. */
export function jsonPrinter(write: (text: string) => void, now: () => number): Printer {
  return {
    print: (line) => write(`${plainJson({ at: Math.round(now()), ...line })}\n`),
  };
}

/** A peer id by its end, which is what differs. */
export function shortPeer(peer: string): string {
  return peer.length > 12 ? `..${peer.slice(-6)}` : peer;
}

/** What is known beside a line: who a peer is, and an amount of what pots pay in, in words. */
interface Teller {
  who(peer: string): string;
  money(parts: string | bigint): string;
  /** An amount of the chain's own coin, in which gas is paid; wei. */
  coins(wei: string | bigint): string;
}

/** An amount for people, in one column of a terminal: "$0.0051", "0.0000000051 ETH". */
export function money(parts: string | bigint, unit: Money.Unit): string {
  const amount = Money.of(BigInt(parts), unit);
  return Money.name(unit) === "dollars" ? Money.exact(amount) : Money.text(amount);
}

const megapixels = (pixelsPerSecond: number) => `${(pixelsPerSecond / 1e6).toFixed(0)} Mpixel/s`;
const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

/** The sentences of each kind of line, if it has any. */
type Texts = {
  readonly [Type in Line["type"]]: (
    line: Extract<Line, { type: Type }>,
    teller: Teller,
  ) => readonly string[];
};

const none = (): readonly string[] => [];
/** "chain       what": a line's subject in a column of its own. */
const row = (subject: string, text: string): string => `${subject.padEnd(12)}${text}`;
const one = (subject: string, text: string): readonly string[] => [row(subject, text)];

/** What the parts of the network tell. */
const ofNetwork = {
  chain: ({ local, id, rpc, contract }) =>
    one("chain", `${local ? "local " : ""}${id} at ${rpc}, TabcastPot at ${contract}`),
  relay: ({ addrs, id }) => one("relay", addrs[0] ?? id),
  pages: ({ origin, browser }) => one("pages", `${origin} (headless pages in ${browser})`),
  worker({ name, peer, capabilities }) {
    const speeds = capabilities.map(
      ({ codec, pixelsPerSecond }) => `${codec} ${megapixels(pixelsPerSecond)}`,
    );
    return one(name, `joined as ${shortPeer(peer)}, ${speeds.join(", ")}`);
  },
  // The broadcaster tells the same story; only what it cannot know is shown.
  working({ name, event }, teller) {
    if (event.type === "watchtower") return one(name, watchtowerText(event.news, teller));
    return event.type === "refused" ? one(name, `refused ${event.what}: ${event.why}`) : [];
  },
  broken: ({ tab, message }) => one(tab, `broke: ${message}`),
  reload: ({ what }) => one("reload", what),
  warped: ({ seconds }) =>
    one("local chain", `its clock was moved ${seconds} s ahead, past the time to claim`),
  links: ({ links }) => Object.entries(links).map(([name, url]) => row(name, url)),
  note: ({ message }) => [message],
  memory: ({ peak }) =>
    one("memory", `${megabytes(peak.bytes)} resident at most, ${peak.processes} processes`),
} satisfies Partial<Texts>;

/** What the broadcaster tells of its workers and segments. */
const ofBroadcast = {
  source({ info, rungs, codec }) {
    const ladder = rungs.map(
      ({ name, width, height, bitrate }) =>
        `${name} ${width}x${height}@${Math.round(bitrate / 1000)}k`,
    );
    const cut = info.passthrough ? "cut as it is" : "encoded again";
    return [
      row(
        "input",
        `${info.kind} ${info.codec} ${info.width}x${info.height}, ${info.frameRate.toFixed(2)} frames/s, ${cut}, audio ${info.audioCodec ?? "none"}`,
      ),
      row("ladder", `${codec}: ${[...ladder, originalName(info)].join(", ")}`),
    ];
  },
  funded: ({ deposited }, { money }) => one("pot", `${money(deposited)} deposited`),
  live: ({ stream }) => one("on air", stream),
  bid: ({ worker, pixelsPerSecond, price }, { who, money }) =>
    one("bid", `${who(worker)}: ${megapixels(pixelsPerSecond)} at ${money(price)} per gigapixel`),
  hired: ({ worker, role, payee }, { who }) =>
    one("hired", `${who(worker)} as ${role}, pays to ${payee}`),
  promoted: ({ worker }, { who }) => one("promoted", `${who(worker)} to the crew`),
  dropped: ({ worker, why }, { who }) => one("dropped", `${who(worker)}: ${why}`),
  failed: ({ seq, worker, why }, { who }) => [`${segmentHead(seq)}  ${who(worker)} failed: ${why}`],
  segment: segmentText,
  warning: ({ message }) => one("warning", message),
  // What --json has for scripts and a reader would drown in.
  captured: none,
  chosen: none,
  "dropped-input": none,
  money: none,
  proved: none,
  sent: none,
} satisfies Partial<Texts>;

/** What is told from the end of the input on. */
const ofEnd = {
  ended: ({ segments }) => one("ended", `after ${segments} segments; settling`),
  settling: ({ progress }) =>
    progress.step === "paying" ? one("settling", `paying ${progress.lanes} lanes on chain`) : [],
  settled({ settlement: { deposited, paid, refunded } }, { money }) {
    const parts = `${money(paid)} paid + ${money(refunded)} refunded`;
    return one("settled", `${money(deposited)} deposited = ${parts}`);
  },
  report: reportText,
  done: none,
} satisfies Partial<Texts>;

const texts: Texts = { ...ofNetwork, ...ofBroadcast, ...ofEnd };

/** Much of a line is in peers' words, and those may not move a cursor, set a title or turn the direction of writing. */
const harmless = (text: string) =>
  text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");

/** Plain text; says what a line means, with units. `factsOf` tells of a chain what its coin is called. */
export function textPrinter(
  write: (text: string) => void,
  factsOf: (chainId: number) => Pick<Chains.ChainFacts, "coin"> = Chains.of,
): Printer {
  const names = new Map<string, string>();
  let coin = Money.coin();
  let unit: Money.Unit = coin;
  const who = (peer: string) =>
    peer === "local" ? "own tab" : (names.get(peer) ?? shortPeer(peer));
  const teller: Teller = {
    who,
    money: (parts) => money(parts, unit),
    coins: (wei) => money(wei, coin),
  };
  return {
    print(line) {
      if (line.type === "worker") names.set(line.peer, line.name);
      if (line.type === "chain") {
        const { coin: symbol } = factsOf(line.id);
        coin = Money.coin(symbol);
        unit = Money.ofCurrency(line.currency, symbol);
      }
      // The table has a function for each type; that it is this line's own, the compiler cannot follow.
      const sentences = texts[line.type] as (line: Line, teller: Teller) => string[];
      for (const text of sentences(line, teller)) write(`${harmless(text)}\n`);
    },
  };
}

/** What a worker's tab did for workers that are gone. */
function watchtowerText(
  news: Plain<WatchtowerNews>,
  { money, coins }: Pick<Teller, "money" | "coins">,
): string {
  switch (news.type) {
    case "saved":
      return `watchtower: claimed ${money(news.saved)} for ${news.payee}, whose tab is gone`;
    case "earned":
      return `watchtower: was left ${money(news.share)} of it`;
    case "withdrawn":
      return `watchtower: withdrew ${money(news.amount)} that it had earned`;
    case "spent":
      return `watchtower: spent ${coins(news.cost)} on gas`;
  }
}

function reportText(
  { report, out }: Extract<Line, { type: "report" }>,
  { who, money }: Teller,
): string[] {
  const { summary, workers, settlement } = report;
  const { open, claimOrPay, close } = settlement.gas;
  const left = notAsked(report);
  return [
    ...workers.map(({ peer, segments, earned }) =>
      row("earned", `${who(peer)}: ${money(earned)} for ${segments} segments`),
    ),
    row(
      "delivered",
      `${summary.delivered} of ${summary.segments} segments, score ${summary.score.toFixed(3)}, round trip p50 ${Math.round(summary.p50Ms ?? 0)} ms, p95 ${Math.round(summary.p95Ms ?? 0)} ms`,
    ),
    ...(left.length > 0
      ? one("not asked", `${left.join(", ")}: no worker that came was quick enough`)
      : []),
    row(
      "speed",
      `${summary.realtimeRatio.toFixed(2)} x real time in ${(summary.wallMs / 1000).toFixed(1)} s; gas ${open} open, ${claimOrPay} pay, ${close} close`,
    ),
    ...(out === undefined ? [] : one("written", out)),
  ];
}

const segmentHead = (seq: number) => `segment ${String(seq).padStart(4)}`;

/** One line per segment, or one per worker where its ladder was split. */
function segmentText(
  { seq, lines, gaps }: Extract<Plain<BroadcastEvent>, { type: "segment" }>,
  { who, money }: Teller,
): string[] {
  const head = segmentHead(seq);
  const workers = new Set(lines.map((line) => line.worker).filter((peer) => peer !== undefined));
  const texts = [...workers].map((peer) => {
    const own = lines.filter((line) => line.worker === peer);
    const verified = own.filter((line) => line.verified).length;
    const paid = own.reduce((sum, line) => sum + BigInt(line.paid), 0n);
    const ms = Math.max(...own.map((line) => line.roundTripMs));
    const again = Math.max(...own.map((line) => line.attempts));
    return [
      head,
      who(peer).padEnd(9),
      own.map((line) => line.rung).join(" "),
      `${Math.round(ms)} ms`,
      `${verified} of ${own.length} verified`,
      `paid ${money(paid)}`,
      ...(again > 1 ? [`attempt ${again}`] : []),
    ].join("  ");
  });
  if (gaps.length > 0) texts.push(`${head}  gap: ${gaps.join(" ")}`);
  return texts.length > 0 ? texts : [`${head}  the original alone was published`];
}
