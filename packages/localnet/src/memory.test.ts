import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { tree, treeMemory } from "./memory.ts";

test.skipIf(process.platform !== "linux")(
  "a child's child belongs to the tree, and its memory is counted",
  async () => {
    const before = treeMemory(process.pid);
    // The grandchild fills 64 MiB and says so; it ends when its stdin closes.
    const fill =
      "const b=Buffer.alloc(2**26,1);console.log(process.pid,b.length);process.stdin.resume()";
    const wrap = `require("node:child_process").spawn(process.execPath,["-e",${JSON.stringify(fill)}],{stdio:"inherit"})`;
    const child = spawn(process.execPath, ["-e", wrap], { stdio: ["pipe", "pipe", "inherit"] });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const grandchild = Number(String(line).split(" ")[0]);
    expect(tree(process.pid)).toEqual(expect.arrayContaining([child.pid, grandchild]));
    const after = treeMemory(process.pid);
    expect((after?.bytes ?? 0) - (before?.bytes ?? 0)).toBeGreaterThan(60 * 2 ** 20);
    child.stdin.end();
    await once(child, "close");
    expect(tree(process.pid)).not.toContain(grandchild);
  },
);
