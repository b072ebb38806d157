import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { findChromium } from "@tabcast/driver/find";
import { parseLadder } from "@tabcast/media/ladder";
import { CodedError, describe } from "@tabcast/runtime";
import { type Args, help, parseArgs } from "./args.ts";
import { openLinks } from "./link-files.ts";
import { checkFolder } from "./out.ts";
import { jsonPrinter, textPrinter } from "./printer.ts";

/** The input file cannot be used. Do: check the path and that it may be read. */
class InputError extends CodedError<{ code: "INPUT_MISSING"; file: string }> {}

/** Everything that can be known to be wrong before anything is started. */
async function check(args: Args): Promise<void> {
  findChromium();
  if (args.input !== undefined) {
    const { input } = args;
    const fail = (why: string): never => {
      throw new InputError(
        { code: "INPUT_MISSING", file: input },
        `cannot read ${input} (--input): ${why}`,
      );
    };
    const found = await stat(input).catch((cause: NodeJS.ErrnoException) =>
      fail(cause.code === "ENOENT" ? "there is no such file" : (cause.code ?? "unknown")),
    );
    if (!found.isFile()) fail("it is not a file");
    await access(input, constants.R_OK).catch(() => fail("no permission"));
  }
  // Only the source's own size can say whether a rung fits it; everything else can be said now.
  if (args.ladder !== undefined) parseLadder(args.ladder, { width: 3840, height: 3840 });
  if (args.out !== undefined) await checkFolder(args.out);
  if (args.links !== undefined) await openLinks(args.links);
}

async function main(): Promise<number> {
  const args = parseArgs(process.argv.slice(2));
  if (args === undefined) {
    process.stdout.write(`${help}\n`);
    return 0;
  }
  const write = (text: string): void => void process.stdout.write(text);
  const began = performance.now();
  const printer = args.json
    ? jsonPrinter(write, () => performance.now() - began)
    : textPrinter(write);
  await check(args);
  // Loaded only now: a mistake in the command line is told at once.
  const { run } = await import("./run.ts");
  const exit = await run(args, printer);
  printer.print({ type: "done", exit });
  return exit;
}

main().then(
  (exit) => finish(exit),
  (error) => {
    process.stderr.write(`error: ${describe(error).split("\n")[0]}\n`);
    finish(error instanceof CodedError && error.code === "STOPPED" ? 130 : 1);
  },
);

/** Ends when everything written has been taken; process.exit would cut a pipe short. */
function finish(exit: number): void {
  process.exitCode = exit;
  process.stdout.write("", () => process.stderr.write("", () => process.exit()));
}
