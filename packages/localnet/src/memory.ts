import { readdirSync, readFileSync } from "node:fs";
import { Bytes } from "@tabcast/runtime";

/** Memory of a process and all that descend from it. */
export interface TreeMemory {
  /** Resident; what several share is counted once where the system tells (Linux), else once for each. */
  readonly bytes: Bytes;
  readonly processes: number;
}

/** Process ids of `root` and its descendants; empty where there is no /proc. */
export function tree(root: number): readonly number[] {
  const children = new Map<number, number[]>();
  let names: string[];
  try {
    names = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  for (const name of names)
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      // The program's name stands in brackets and may hold anything; the state and the parent follow the last one.
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // Gone while we looked.
    }
  const found = [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}

/** Resident memory of a process tree now; undefined where there is no /proc. */
export function treeMemory(root: number): TreeMemory | undefined {
  let bytes = 0;
  let processes = 0;
  for (const pid of tree(root)) {
    const kilobytes = read(`/proc/${pid}/smaps_rollup`, /^Pss:\s+(\d+) kB/m);
    const resident = kilobytes ?? read(`/proc/${pid}/status`, /^VmRSS:\s+(\d+) kB/m);
    if (resident === undefined) continue;
    bytes += resident * 1024;
    processes++;
  }
  return processes === 0 ? undefined : { bytes: Bytes.of(bytes), processes };
}

function read(file: string, pattern: RegExp): number | undefined {
  try {
    const found = pattern.exec(readFileSync(file, "latin1"))?.[1];
    return found === undefined ? undefined : Number(found);
  } catch {
    return undefined;
  }
}
