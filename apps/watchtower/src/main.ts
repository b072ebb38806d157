#!/usr/bin/env node
import { parseArgs } from "node:util";
import type { Address } from "@tabcast/channel";
import { CodedError, describe } from "@tabcast/runtime";
import { isAddress } from "viem";
import { type Options, run, type Say, UsageError } from "./run.ts";

const HELP = `tabcast-watchtower: keeps workers' last vouchers, and claims for those that are gone when a deposit closes.

  --network URL    where the network's pages are; its /tabcast.json says the rest
                   (default http://127.0.0.1:4800, where npm start has them)
  --rpc URL        JSON-RPC server of the chain over HTTP (default: the network's)
  --key-file FILE  private key that pays the gas, 64 hexadecimal digits; made if it is missing
                   (default: gas.key in the folder below)
  --beneficiary ADDR  who gets the share that workers leave (default: the address of the key)
  --dir FOLDER     where the vouchers are kept (default ./.tabcast-watchtower)
  --json           one JSON object per line instead of text
  --help           this text

Send a little of the chain's coin to the address that it says: without gas it keeps nothing. Of what it
claims it keeps the share that the worker's lane says, 5 % as a rule, and withdraws it when that is worth
the gas; where deposits are in a token, the token goes to the beneficiary, and gas is bought as before.
Ctrl-C ends it. What it keeps is there at the next start.
`;

function read(
  args: readonly string[],
): Options & { readonly json: boolean; readonly help: boolean } {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (thrown) {
    throw new UsageError(describe(thrown).split(". ")[0]);
  }
  for (const name of ["network", "rpc"] as const) {
    const url = values[name];
    if (url !== undefined && !/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ""))
      throw new UsageError(`--${name} must be an http or https address, got ${url}`);
  }
  return values;
}

function parse(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      network: { type: "string", default: "http://127.0.0.1:4800" },
      rpc: { type: "string" },
      "key-file": { type: "string" },
      beneficiary: { type: "string" },
      dir: { type: "string", default: ".tabcast-watchtower" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const { "key-file": keyFile, rpc, beneficiary, ...rest } = values;
  return {
    ...rest,
    ...(rpc !== undefined && { rpc }),
    ...(keyFile !== undefined && { keyFile }),
    ...(beneficiary !== undefined && { beneficiary: addressOf(beneficiary) }),
  };
}

function addressOf(text: string): Address {
  if (isAddress(text)) return text;
  throw new UsageError(
    `--beneficiary must be an address, 0x and 40 hexadecimal digits, got ${text}`,
  );
}

async function main(): Promise<void> {
  const options = read(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const say: Say = (event, values = {}) => {
    const text = Object.entries(values).map(([name, value]) => `${name} ${value}`);
    console.log(options.json ? JSON.stringify({ event, ...values }) : [event, ...text].join("  "));
  };
  // libp2p lets a failure of a socket that is being torn down escape now and then (js-libp2p#3415); a watchtower must outlive it.
  process.on("uncaughtException", (thrown) => console.error(describe(thrown)));
  process.on("unhandledRejection", (thrown) => console.error(describe(thrown)));
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
  await run(options, say, stop.signal);
  say("stopped");
}

main().then(
  // A socket that is still being torn down must not keep the process.
  () => process.exit(0),
  (thrown) => {
    // One line for what a person can mend; the whole story for what nobody expected.
    const known = thrown instanceof UsageError || thrown instanceof CodedError;
    console.error(`tabcast-watchtower: ${known ? describe(thrown) : (thrown?.stack ?? thrown)}`);
    process.exit(1);
  },
);
