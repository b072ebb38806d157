import type { BroadcastEvent } from "@tabcast/node/types";
import type { NetEvent } from "./localnet.ts";
import type { TreeMemory } from "./memory.ts";
import { notAsked, type Plain, plainJson, type Report } from "./report.ts";

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

/** Wei for people: gwei with three decimals, or ETH with nine from a thousandth on. */
export function money(wei: string | bigint): string {
  const value = BigInt(wei);
  const decimals = (unit: bigint, digits: number) =>
    `${value / unit}.${String((value % unit) / (unit / 10n ** BigInt(digits))).padStart(digits, "0")}`;
  return value >= 10n ** 15n ? `${decimals(10n ** 18n, 9)} ETH` : `${decimals(10n ** 9n, 3)} gwei`;
}

const megapixels = (pixelsPerSecond: number) => `${(pixelsPerSecond / 1e6).toFixed(0)} Mpixel/s`;
const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

/** Plain text; says what a line means, with units. */
export function textPrinter(write: (text: string) => void): Printer {
  const names = new Map<string, string>();
  const who = (peer: string) =>
    peer === "local" ? "own tab" : (names.get(peer) ?? shortPeer(peer));
  const say = (text: string) => write(`${text}\n`);
  return {
    print(line) {
      switch (line.type) {
        case "chain":
          say(
            `chain       ${line.local ? "local " : ""}${line.id} at ${line.rpc}, TabcastPot at ${line.contract}`,
          );
          break;
        case "relay":
          say(`relay       ${line.addrs[0] ?? line.id}`);
          break;
        case "pages":
          say(`pages       ${line.origin} (headless pages in ${line.browser})`);
          break;
        case "worker": {
          names.set(line.peer, line.name);
          const speeds = line.capabilities.map(
            ({ codec, pixelsPerSecond }) => `${codec} ${megapixels(pixelsPerSecond)}`,
          );
          say(`${line.name.padEnd(12)}joined as ${shortPeer(line.peer)}, ${speeds.join(", ")}`);
          break;
        }
        case "working":
          // The broadcaster tells the same story; only what it cannot know is shown.
          if (line.event.type === "refused")
            say(`${line.name.padEnd(12)}refused ${line.event.what}: ${line.event.why}`);
          break;
        case "broken":
          say(`${line.tab.padEnd(12)}broke: ${line.message}`);
          break;
        case "warped":
          say(`local chain its clock was moved ${line.seconds} s ahead, past the time to claim`);
          break;
        case "links":
          for (const [name, url] of Object.entries(line.links)) say(`${name.padEnd(12)}${url}`);
          break;
        case "source": {
          const { info, rungs, codec } = line;
          const ladder = rungs.map(
            ({ name, width, height, bitrate }) =>
              `${name} ${width}x${height}@${Math.round(bitrate / 1000)}k`,
          );
          say(
            `source      ${info.kind} ${info.codec} ${info.width}x${info.height}, ${info.frameRate.toFixed(2)} frames/s, ${info.passthrough ? "cut as it is" : "encoded again"}, audio ${info.audioCodec ?? "none"}`,
          );
          say(`ladder      ${codec}: ${ladder.join(", ") || "the source alone"}`);
          break;
        }
        case "funded":
          say(`pot         ${money(line.deposited)} deposited`);
          break;
        case "live":
          say(`on air      ${line.stream}`);
          break;
        case "bid":
          say(
            `bid         ${who(line.worker)}: ${megapixels(line.pixelsPerSecond)} at ${money(line.price)} per megapixel`,
          );
          break;
        case "hired":
          say(`hired       ${who(line.worker)} as ${line.role}, pays to ${line.payee}`);
          break;
        case "promoted":
          say(`promoted    ${who(line.worker)} to the crew`);
          break;
        case "dropped":
          say(`dropped     ${who(line.worker)}: ${line.why}`);
          break;
        case "failed":
          say(`segment ${String(line.seq).padStart(4)}  ${who(line.worker)} failed: ${line.why}`);
          break;
        case "segment":
          for (const text of segmentText(line, who)) say(text);
          break;
        case "warning":
          say(`warning     ${line.message}`);
          break;
        case "ended":
          say(`ended       after ${line.segments} segments; settling`);
          break;
        case "settling":
          if (line.progress.step === "paying")
            say(`settling    paying ${line.progress.lanes} lanes on chain`);
          break;
        case "settled": {
          const { depositedWei, paidWei, refundedWei } = line.settlement;
          say(
            `settled     ${money(depositedWei)} deposited = ${money(paidWei)} paid + ${money(refundedWei)} refunded`,
          );
          break;
        }
        case "note":
          say(line.message);
          break;
        case "memory":
          say(
            `memory      ${megabytes(line.peak.bytes)} resident at most, ${line.peak.processes} processes`,
          );
          break;
        case "report": {
          const { summary, workers, settlement } = line.report;
          for (const { peer, segments, earnedWei } of workers)
            say(`earned      ${who(peer)}: ${money(earnedWei)} for ${segments} segments`);
          say(
            `delivered   ${summary.delivered} of ${summary.segments} segments, score ${summary.score.toFixed(3)}, round trip p50 ${Math.round(summary.p50Ms ?? 0)} ms, p95 ${Math.round(summary.p95Ms ?? 0)} ms`,
          );
          const left = notAsked(line.report);
          if (left.length > 0)
            say(`not asked   ${left.join(", ")}: no worker that came was quick enough`);
          const { open, claimOrPay, close } = settlement.gas;
          say(
            `speed       ${summary.realtimeRatio.toFixed(2)} x real time in ${(summary.wallMs / 1000).toFixed(1)} s; gas ${open} open, ${claimOrPay} pay, ${close} close`,
          );
          if (line.out !== undefined) say(`written     ${line.out}`);
          break;
        }
        case "captured":
        case "sent":
        case "done":
          break;
      }
    },
  };
}

/** One line per segment, or one per worker where its ladder was split. */
function segmentText(
  { seq, lines, gaps }: Extract<Plain<BroadcastEvent>, { type: "segment" }>,
  who: (peer: string) => string,
): string[] {
  const head = `segment ${String(seq).padStart(4)}`;
  const workers = new Set(lines.map((line) => line.worker).filter((peer) => peer !== undefined));
  const texts = [...workers].map((peer) => {
    const own = lines.filter((line) => line.worker === peer);
    const verified = own.filter((line) => line.verified).length;
    const paid = own.reduce((sum, line) => sum + BigInt(line.paidWei), 0n);
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
  return texts.length > 0 ? texts : [`${head}  published as it is`];
}
