// npm run dev: a network whose pages come from their sources and reload on a change. scripts/dev.mjs starts it.
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describe } from "@tabcast/runtime";
import { listen, onPort, relayDirectory } from "./command.ts";
import { localnet } from "./localnet.ts";
import { textPrinter } from "./printer.ts";
import type { Localnet } from "./types.ts";

const help = `Runs the local network with pages that reload when their sources change.

npm run dev -- [--workers N=2] [--port P] [--broadcast] [--help]

  --workers N    headless worker tabs, 0 to 16 (default 2); they run the built page and keep running through every change
  --port P       port of the pages (default 4800, or a free one if that is taken)
  --broadcast    a headless tab broadcasts the built-in scene, so that Watch has something to show`;

const root = fileURLToPath(new URL("../../../", import.meta.url));

interface DevArgs {
  readonly workers: number;
  readonly port?: number;
  readonly broadcast: boolean;
}

/** Throws an Error that says what is expected and what came; undefined means that help was asked for. */
function read(argv: readonly string[]): DevArgs | undefined {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      workers: { type: "string", default: "2" },
      port: { type: "string" },
      broadcast: { type: "boolean", default: false },
      help: { type: "boolean" },
    },
  });
  if (values.help) return undefined;
  const whole = (flag: string, text: string, least: number, most: number): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new Error(`${flag} takes a whole number from ${least} to ${most}, got "${text}"`);
  };
  return {
    workers: whole("--workers", values.workers, 0, 16),
    broadcast: values.broadcast,
    ...(values.port === undefined ? {} : { port: whole("--port", values.port, 1, 65_535) }),
  };
}

async function dev({ workers, port, broadcast }: DevArgs): Promise<void> {
  const printer = textPrinter((text) => void process.stdout.write(text));
  const note = (message: string): void => printer.print({ type: "note", message });
  const ctrl = listen("stopped before the network stood");
  // A stream that libp2p resets at a bad moment throws outside every call (js-libp2p#3415); the network lives on.
  process.on("uncaughtException", (error) => note(`ignored: ${describe(error)}`));
  const start = (port: number): Promise<Localnet> =>
    localnet({
      port,
      workers,
      relayDirectory,
      live: { root: `${root}apps/web`, config: `${root}vite.config.ts` },
      on: (event) => printer.print(event),
      signal: ctrl.stop,
    });
  const net = await onPort(port, start, note);
  try {
    const { origin } = net;
    const links = {
      Watch: `${origin}/watch`,
      Earn: `${origin}/earn`,
      Broadcast: `${origin}/broadcast`,
      Network: `${origin}/network`,
    };
    const stream = broadcast ? (await net.broadcast({})).stream : undefined;
    const live = stream === undefined ? {} : { "On air": net.watchUrl(stream) };
    printer.print({ type: "links", links: { ...links, ...live } });
    note("ready: change a source and its pages reload, workers keep running; Ctrl-C stops all");
    await new Promise<void>((resolve) => ctrl.whenStopped(resolve));
    note("stopping");
  } finally {
    await net.close();
  }
}

/** Ends with one line on stderr. */
function fail(error: unknown, code: number): never {
  process.stderr.write(`error: ${describe(error).split("\n")[0]}\n`);
  process.exit(code);
}

let args: DevArgs | undefined;
try {
  args = read(process.argv.slice(2));
} catch (error) {
  fail(error, 2);
}
if (args === undefined) process.stdout.write(`${help}\n`);
else
  await dev(args).then(
    () => process.exit(0),
    (error) => fail(error, 1),
  );
