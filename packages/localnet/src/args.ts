import type { CodecName } from "@tabcast/media";
import type { Visibility } from "@tabcast/node/types";
import { CodedError } from "@tabcast/runtime";
import {
  type HiringChange,
  readSettings,
  settingsFlags,
  settingsHelp,
  type WorkerChange,
} from "./settings-args.ts";

/** What the command was asked to do. */
export interface Args {
  /** A media file; undefined is the built-in scene. */
  readonly input?: string;
  /** Folder for the ladder and report.json; undefined writes nothing. */
  readonly out?: string;
  /** Headless worker tabs, 0 to 16; 0 encodes in the broadcaster's own tab. */
  readonly workers: number;
  /** As given; undefined is every default rung that is not larger than the source. */
  readonly ladder?: string;
  readonly codec: CodecName;
  /** Length of one segment in seconds, 0.5 to 10. */
  readonly segment: number;
  readonly pace: "live" | "fast";
  /** End when the input has ended and everything is settled. */
  readonly exit: boolean;
  readonly json: boolean;
  /** Port of the pages; undefined is the usual one, or a free one if that is taken. */
  readonly port?: number;
  readonly seed: number;
  /** What the pots of the built-in chain are in. */
  readonly currency: "eth" | "usdc";
  /** Sound that is Opus is published as AAC too. */
  readonly aac: boolean;
  /** What the headless workers are set to, besides their defaults. */
  readonly worker?: WorkerChange;
  /** Whom to hire; undefined: anybody. */
  readonly hiring?: HiringChange;
  /** Who can find and see the stream; undefined: everybody. */
  readonly visibility?: Visibility;
  /** Where the links of a private stream are written: they hold keys, and are printed nowhere. */
  readonly links?: string;
  /** A file with crew links, for the headless workers. */
  readonly workerCrewLinks?: string;
}

/** A flag that is unknown, incomplete or out of bounds. Do: see --help. */
export class ArgsError extends CodedError<{ code: "ARGS_BAD"; flag: string }> {}

/** What `--help` prints. */
export const help = `Runs a whole Tabcast network on this machine, and a broadcast through it.

npm start -- [--input FILE] [--out DIR] [--workers N=2] [--ladder 720p,480p,360p,240p] [--codec avc|vp9|av1]
             [--segment SECONDS=2] [--pace live|fast] [--exit] [--json] [--port P] [--seed S] [--aac]
             [--visibility public|unlisted|private] [--links FILE] [--currency eth|usdc] [--worker-... , --hire-...: see below] [--help]

  --input FILE       MP4, MOV, WebM, MKV or MPEG-TS; without it, a built-in moving scene with a timecode and a tone
  --out DIR          write master.m3u8, a folder per rung and report.json
  --workers N        headless worker tabs, 0 to 16 (default 2); 0 encodes in the broadcaster's own tab
  --ladder LIST      240p, 360p, 480p, 720p, or WIDTHxHEIGHT@KBPS, with commas between; default: all not larger than the source
  --codec NAME       avc (default), vp9 or av1
  --segment SECONDS  length of one segment, 0.5 to 10 (default 2)
  --pace live|fast   real time (default), or as fast as the network can (default with --exit)
  --exit             end when the input has ended and everything is settled
  --json             one JSON object per line on stdout for every event, and nothing else there
  --port P           port of the pages (default 4800, or a free one if that is taken)
  --aac              publish sound that is Opus as AAC too, for players that cannot take Opus
  --visibility NAME  public (default); unlisted: on no list, whoever has the link can watch; private: encrypted, for who has its link
  --links FILE       where a private stream's links are written, for viewers and for its crew: they hold keys, and are not printed
  --currency NAME    eth (default): pay in the built-in chain's own coin; usdc: in play dollars
  --seed S           a whole number that shapes the built-in scene (default 1)

${settingsHelp}

Another chain than the built-in one: TABCAST_RPC, TABCAST_CONTRACT, TABCAST_CHAIN_ID (all three), and TABCAST_PAYER_KEY,
the private key that pays; TABCAST_CURRENCY=usdc pays in that chain's USDC, with TABCAST_COIN_PRICE, the dollars that a coin costs.
Another browser than the one found: TABCAST_CHROMIUM.`;

function bad(flag: string, message: string): never {
  throw new ArgsError({ code: "ARGS_BAD", flag }, message);
}

function number(flag: string, text: string, least: number, most: number, whole: boolean): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value < least || value > most || (whole && value % 1 !== 0))
    bad(
      flag,
      `${flag} must be a ${whole ? "whole " : ""}number from ${least} to ${most}, got "${text}"`,
    );
  return value;
}

function oneOf<T extends string>(flag: string, text: string, choices: readonly T[]): T {
  const choice = choices.find((c) => c === text);
  return choice ?? bad(flag, `${flag} must be ${choices.join(" or ")}, got "${text}"`);
}

const takesValue = [
  "--input",
  "--out",
  "--workers",
  "--ladder",
  "--codec",
  "--segment",
  "--pace",
  "--port",
  "--seed",
  "--currency",
  "--visibility",
  "--links",
  "--worker-crew-links",
  ...settingsFlags,
];
const takesNone = ["--exit", "--json", "--aac", "--help"];

/** Files of links. */
function pathsIn(given: ReadonlyMap<string, string>): Pick<Args, "links" | "workerCrewLinks"> {
  const [links, workerCrewLinks] = [given.get("--links"), given.get("--worker-crew-links")];
  return { ...(links && { links }), ...(workerCrewLinks && { workerCrewLinks }) };
}

/** Reads the command line; undefined means that help was asked for. Throws ARGS_BAD naming the flag. */
export function parseArgs(argv: readonly string[]): Args | undefined {
  const given = new Map<string, string>();
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] as string;
    const equals = word.startsWith("--") ? word.indexOf("=") : -1;
    const flag = equals < 0 ? word : word.slice(0, equals);
    if (given.has(flag)) bad(flag, `${flag} is given twice`);
    if (takesNone.includes(flag)) {
      if (equals >= 0) bad(flag, `${flag} takes no value`);
      given.set(flag, "");
    } else if (takesValue.includes(flag)) {
      const value = equals < 0 ? argv[++at] : word.slice(equals + 1);
      if (flag === "--ladder" && value?.trim() === "")
        bad(flag, "--ladder is empty; it needs at least one rung, such as 360p");
      if (value === undefined || (equals < 0 && value.startsWith("--")) || value === "")
        bad(flag, `${flag} needs a value`);
      given.set(flag, value);
    } else {
      bad(flag, `${flag} is not a flag of this command; see npm start -- --help`);
    }
  }
  if (given.has("--help")) return undefined;
  const read = <T>(flag: string, otherwise: T, parse: (text: string) => T): T => {
    const text = given.get(flag);
    return text === undefined ? otherwise : parse(text);
  };
  const exit = given.has("--exit");
  const currency = read<Args["currency"]>("--currency", "eth", (t) =>
    oneOf("--currency", t, ["eth", "usdc"]),
  );
  const visibility = read<Visibility | undefined>("--visibility", undefined, (t) =>
    oneOf<Visibility>("--visibility", t, ["public", "unlisted", "private"]),
  );
  if ((visibility === "private") !== given.has("--links"))
    bad(
      "--links",
      "--links FILE goes with --visibility private, whose links hold keys and are printed nowhere else",
    );
  const { input, out, ladder, port } = {
    input: given.get("--input"),
    out: given.get("--out"),
    ladder: given.get("--ladder"),
    port: read<number | undefined>("--port", undefined, (t) =>
      number("--port", t, 1, 65_535, true),
    ),
  };
  return {
    ...(input === undefined ? {} : { input }),
    ...(out === undefined ? {} : { out }),
    ...(ladder === undefined ? {} : { ladder }),
    ...(port === undefined ? {} : { port }),
    ...(visibility && { visibility }),
    ...pathsIn(given),
    ...readSettings(given, bad),
    workers: read("--workers", 2, (t) => number("--workers", t, 0, 16, true)),
    codec: read<CodecName>("--codec", "avc", (t) => oneOf("--codec", t, ["avc", "vp9", "av1"])),
    segment: read("--segment", 2, (t) => number("--segment", t, 0.5, 10, false)),
    pace: read<"live" | "fast">("--pace", exit ? "fast" : "live", (t) =>
      oneOf("--pace", t, ["live", "fast"]),
    ),
    exit,
    json: given.has("--json"),
    aac: given.has("--aac"),
    currency,
    seed: read("--seed", 1, (t) => number("--seed", t, 0, 0xffffffff, true)),
  };
}
