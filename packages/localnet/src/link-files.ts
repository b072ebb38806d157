/** Files that hold the links of private streams: a command line can be read by every process of the machine, a log by many people. */
import { chmod, readFile, writeFile } from "node:fs/promises";
import { crewLink, LinkError, parseCrewLink, watchLink } from "@tabcast/tab/links";
import { ArgsError } from "./args.ts";

const bad = (flag: string, message: string) =>
  new ArgsError({ code: "ARGS_BAD", flag }, `${flag}: ${message}`);

/** Makes the file that links will be written to, for its owner's eyes alone. Throws ARGS_BAD. */
export async function openLinks(path: string): Promise<void> {
  try {
    await writeFile(path, "", { mode: 0o600 });
    await chmod(path, 0o600); // it may have been there before
  } catch (cause) {
    const { code = "unknown" } = cause as NodeJS.ErrnoException;
    throw bad("--links", `cannot write ${path}: ${code}`);
  }
}

/** Writes a private stream's links, those of viewers and of the crew. */
export const writeLinks = (
  path: string,
  origin: string,
  { stream, keys }: { readonly stream: string; readonly keys: { watch: string; crew: string } },
): Promise<void> =>
  writeFile(
    path,
    `${watchLink(origin, stream, keys.watch)}\n${crewLink(origin, { stream, key: keys.crew })}\n`,
  );

/** The crew links in a file, one a line. Throws ARGS_BAD naming the line, and nothing of what stands in it. */
export async function readCrewLinks(path: string): Promise<readonly string[]> {
  const flag = "--worker-crew-links";
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw bad(flag, `cannot read ${path}: ${cause.code ?? "unknown"}`);
  });
  return text.split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    try {
      parseCrewLink(line);
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      throw bad(flag, `line ${i + 1} of ${path}: ${error.message}`);
    }
    return [line.trim()];
  });
}
