/**
 * Writes `src/generated/` from `proto/tabcast.proto`: `node scripts/generate.ts [folder]`.
 * protons writes namespaces, which `erasableSyntaxOnly` and Node's type stripping refuse, and streaming decoders that
 * nobody calls (half of its output): both are rewritten here. Any output that does not look as expected is an error.
 */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generate } from "protons";

const proto = fileURLToPath(new URL("../proto/tabcast.proto", import.meta.url));
const target = fileURLToPath(new URL("../src/generated/", import.meta.url));
const banner = "// Written by scripts/generate.ts from proto/tabcast.proto. Do not edit.\n";

/** What `pattern` captures in `text`. Throws if it is not there. */
function capture(text: string, pattern: RegExp, what: string): string {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`protons' output has changed: no ${what}`);
  return found;
}

/** One message: its interface as it is, and its codec without namespace and streaming. */
function rewrite(name: string, source: string): string {
  const shape = capture(
    source,
    new RegExp(`(export interface ${name} \\{[^}]*\\})`),
    `interface ${name}`,
  );
  const body = capture(
    source,
    new RegExp(
      `_codec = message<${name}>\\(([^]*?)\\}, function \\* \\(reader, length, prefix, opts = \\{\\}\\) \\{`,
    ),
    `codec of ${name}`,
  )
    // List limits are our own (shape.ts), and every message is bounded by its size before it gets here.
    .replace(/ *if \(opts\.limits\?\.[^{]*\{[^}]*\}\n+/g, "")
    .replace(/(decode\(reader, reader\.uint32\(\)), \{\s*limits: [^}]*\}\)/g, "$1)")
    // In Node the library's own makes a Buffer for each field that is about to be set.
    .replaceAll("uint8ArrayAlloc(0)", "new Uint8Array(0)");
  if (body.includes("limits")) throw new Error(`protons' output has changed: limits in ${name}`);
  return `${shape}

let own${name}: Codec<${name}> | undefined
export const ${name} = {
  codec: (): Codec<${name}> => {
    own${name} ??= message<${name}>(${body}}, unstreamed)
    return own${name}
  }
}
`;
}

function messages(source: string): string {
  const parts = source.split(/^(?=export interface \w+ \{)/m).slice(1);
  const names = parts.map((part) => capture(part, /^export interface (\w+) /, "name"));
  const texts = names.map((name, i) => rewrite(name, parts[i] as string));
  return `${banner}import { message } from 'protons-runtime'
import type { Codec } from 'protons-runtime'

function * unstreamed (): Generator<never> {
  throw new Error('streaming is not generated')
}

${texts.join("\n")}`;
}

/** The wire table: for each message its field numbers, with their types and whether they repeat. */
function wire(source: string): string {
  const bare = source.replace(/\/\/.*$/gm, "");
  const table: Record<string, Record<string, { name: string; type: string; many?: true }>> = {};
  for (const [, name = "", inside = ""] of bare.matchAll(/message (\w+) \{([^{}]*)\}/g)) {
    table[name] = {};
    for (const [, many, declared = "", field = "", number = "", safe] of inside.matchAll(
      /(repeated )?(\w+) (\w+) = (\d+)( \[jstype = JS_NUMBER\])?/g,
    )) {
      const camel = field.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
      const type = safe === undefined ? declared : "uint53";
      table[name][number] = { name: camel, type, ...(many ? { many: true } : {}) };
    }
  }
  return `${banner}import type { Wire } from '../wire.ts'

export const WIRE: Wire = ${JSON.stringify(table, null, 2)}
`;
}

/** Writes every generated file into `folder`. */
export async function generateInto(folder: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "tabcast-proto-"));
  try {
    await copyFile(proto, join(scratch, "tabcast.proto"));
    await generate(join(scratch, "tabcast.proto"), { output: scratch });
    await mkdir(folder, { recursive: true });
    await writeFile(
      join(folder, "messages.ts"),
      messages(await readFile(join(scratch, "tabcast.ts"), "utf8")),
    );
    await writeFile(join(folder, "wire.ts"), wire(await readFile(proto, "utf8")));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

if (import.meta.main) await generateInto(process.argv[2] ?? target);
