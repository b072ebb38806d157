// npm run mutate -- name [--flag ...]: what a package's tests would miss, found by spoiling its code in every small way.
// Ends with 1 if something spoilt goes unnoticed and is not explained, with 2 for a name or flag that is not there.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { environment, Misuse, node24, root, run } from "./lib.mjs";
import { setup } from "./setup.mjs";

const names = {
  contract: join(root, "packages", "contracts", "script", "mutate.ts"),
  channel: join(root, "packages", "channel", "mutate", "main.ts"),
};

await run(async () => {
  const [name, ...flags] = process.argv.slice(2);
  const script = Object.hasOwn(names, name ?? "") ? names[name] : undefined;
  if (!script)
    throw new Misuse(
      `mutate takes one of ${Object.keys(names).join(", ")}, got ${name ?? "nothing"}`,
    );
  await setup();
  const child = spawn(node24, [script, ...flags], {
    cwd: root,
    env: environment(),
    stdio: "inherit",
  });
  // Both hear the keyboard's; the child tells how far it came, and ends what it started.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  process.exitCode = await new Promise((resolve) =>
    child.once("exit", (code) => resolve(code ?? 1)),
  );
});
