// npm run doctor: says whether a chain will do. scripts/doctor.mjs starts it on Node 24.
import { fileURLToPath } from "node:url";
import { doctorHelp, linesOf, readDoctorArgs, runDoctor } from "./doctor.ts";
import { main } from "./main.ts";

await main(async ({ argv, say, signal }) => {
  const options = readDoctorArgs(argv);
  if (!options) {
    say(doctorHelp);
    return 0;
  }
  const folder = fileURLToPath(new URL("../../../deployments", import.meta.url));
  const report = await runDoctor(options, { folder, signal });
  if (options.json) say(JSON.stringify(report));
  else for (const line of linesOf(report)) say(line);
  return report.willDo ? 0 : 1;
});
