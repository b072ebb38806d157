import { tabcastPotAbi } from "@tabcast/contracts";
import { type Amount, Wei } from "@tabcast/runtime";
import fc from "fast-check";
import {
  type Client,
  createClient,
  decodeErrorResult,
  type Hex,
  http,
  keccak256,
  parseEventLogs,
  toHex,
  zeroAddress,
} from "viem";
import { getBalance, getTransactionReceipt, readContract } from "viem/actions";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Anvil, anvil } from "../test/anvil.ts";
import { apply, claimable, empty, type Model, type ModelAction } from "../test/pot-model.ts";
import { replay } from "../test/replay.ts";
import { callOf } from "./chain/action.ts";
import { potId as potIdOf, separator } from "./config.ts";
import type { PotConfig } from "./types.ts";
import * as Voucher from "./voucher.ts";

/*
 * The model of `test/pot-model.ts` and the contract on anvil do the same, command by command, on the same seed. Accounts: 0 the
 * payer, 3 the session key, 1 and 2 workers with two lanes each.
 */
const PAYER = 0;
const SIGNER = 3;
const PAYEES = [1, 1, 2, 2] as const;
const CHALLENGE = 900;
const RUNS = Math.ceil(replay.numRuns / 10);

let net: Anvil;
let client: Client;
let salts = 0;
beforeAll(async () => {
  net = await anvil();
  // Blocks on demand: left to itself, anvil answers with the hash before it has made the block.
  await net.cheat("evm_setAutomine", false);
  client = createClient({ transport: http(net.rpc, { batch: { wait: 0 } }) });
});
afterAll(() => net.close());

type SignatureKind = "good" | "stranger" | "other lane" | "other pot" | "high s" | "v 0";

/** An action before it meets a state: times are relative, and signatures are named by what is wrong with them. */
type Plan =
  | { readonly do: "warp"; readonly seconds: number }
  | {
      readonly do: "reserve";
      readonly sender: number;
      readonly rows: readonly {
        readonly lane: number;
        readonly ceiling: bigint;
        readonly ttl: number;
        readonly versionOff: number;
      }[];
    }
  | {
      readonly do: "claim";
      readonly sender: number;
      readonly rows: readonly {
        readonly lane: number;
        readonly cumulative: bigint;
        readonly kind: SignatureKind;
      }[];
    }
  | (Exclude<ModelAction, { do: "reserve" | "claim" }> & { readonly sender: number });

interface World {
  readonly config: PotConfig;
  readonly potId: Hex;
  readonly laneIds: readonly number[];
  model: Model;
  now: number;
}

const address = (account: number) => {
  const found = net.accounts[account];
  if (!found) throw new RangeError(`no account ${account}`);
  return found.address;
};
const laneAt = (world: World, index: number) => ({
  payee: address(PAYEES[index] ?? 0),
  lane: world.laneIds[index] ?? 0,
});

async function signature(world: World, index: number, total: bigint, kind: SignatureKind) {
  const cumulative = total as Amount;
  const key = net.accounts[kind === "stranger" ? 1 : SIGNER];
  if (!key?.sign) throw new RangeError("no key");
  const terms = {
    ...laneAt(world, kind === "other lane" ? (index + 1) % 4 : index),
    potId: kind === "other pot" ? keccak256(world.potId) : world.potId,
    cumulative,
  };
  const digest = Voucher.digest(separator(net.domain), terms);
  const good = await key.sign({ hash: digest });
  if (kind === "high s") {
    const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const s = toHex(ORDER - BigInt(`0x${good.slice(66, 130)}`), { size: 32 }).slice(2);
    return `${good.slice(0, 66)}${s}${good.endsWith("1b") ? "1c" : "1b"}` as Hex;
  }
  if (kind === "v 0") return `${good.slice(0, 130)}${good.endsWith("1b") ? "00" : "01"}` as Hex;
  return good;
}

/** The plan as the model and as the contract take it. */
async function concrete(world: World, plan: Exclude<Plan, { do: "warp" }>, now: number) {
  const { config, model } = world;
  switch (plan.do) {
    case "reserve": {
      const rows = plan.rows.map(({ lane, ceiling, ttl, versionOff }) => ({
        lane,
        ceiling,
        until: BigInt(now + ttl),
        version: (model.lanes[lane]?.version ?? 0n) + BigInt(versionOff),
      }));
      return {
        action: { do: "reserve", rows } as const,
        call: callOf(net.domain.contract, {
          do: "reserve",
          config,
          rows: rows.map((row) => ({
            ...laneAt(world, row.lane),
            ceiling: row.ceiling as Amount,
            until: Number(row.until),
            version: Number(row.version),
          })),
        }),
      };
    }
    case "claim": {
      const vouchers = await Promise.all(
        plan.rows.map(async ({ lane, cumulative, kind }) => ({
          ...laneAt(world, lane),
          potId: world.potId,
          cumulative: cumulative as Amount,
          signature: await signature(world, lane, cumulative, kind),
        })),
      );
      const rows = plan.rows.map(({ kind, ...row }) => ({ ...row, valid: kind === "good" }));
      return {
        action: { do: "claim", rows } as const,
        call: callOf(net.domain.contract, { do: "claim", config, vouchers }),
      };
    }
    default:
      return { action: plan, call: callOf(net.domain.contract, plain(world, plan)) };
  }
}

function plain(
  world: World,
  plan: Exclude<Plan, { do: "warp" | "claim" | "reserve" }>,
): Parameters<typeof callOf>[1] {
  const { config } = world;
  switch (plan.do) {
    case "deposit":
      return { do: "deposit", config, amount: plan.amount as Amount, signerGas: Wei.zero };
    case "pay": {
      const rows = plan.rows.map(({ lane, cumulative }) => ({
        ...laneAt(world, lane),
        cumulative: cumulative as Amount,
      }));
      return { do: "pay", config, rows };
    }
    case "release":
      return { do: "release", config, lanes: plan.lanes.map((lane) => laneAt(world, lane)) };
    case "withdraw":
      return { do: "withdraw", account: address(plan.account), token: zeroAddress };
    case "withdrawTo":
      return {
        do: "withdrawTo",
        to: address(plan.to),
        token: zeroAddress,
        amount: plan.amount as Amount,
      };
    default:
      return { do: plan.do, config };
  }
}

/** Sends it in a block of exactly `now`; its events as the model tells them, or the name of its error. */
async function send(
  world: World,
  sender: number,
  call: { to?: Hex; data?: Hex; value: bigint },
  now: number,
) {
  await net.cheat("evm_setNextBlockTimestamp", toHex(now));
  const request = {
    from: address(sender),
    to: call.to,
    data: call.data,
    value: toHex(call.value),
    gas: toHex(3_000_000),
  };
  const hash = (await net.cheat("eth_sendTransaction", request)) as Hex;
  await net.cheat("evm_mine");
  const receipt = await getTransactionReceipt(client, { hash });
  if (receipt.status === "reverted") return { error: await errorOf(request) };
  const laneOf = (payee: string, lane: number) =>
    BigInt(
      PAYEES.findIndex(
        (account, i) =>
          address(account).toLowerCase() === payee.toLowerCase() && world.laneIds[i] === lane,
      ),
    );
  const events = parseEventLogs({ abi: tabcastPotAbi, logs: receipt.logs }).map((log) => {
    // Numbers in the event's own order; who it is about is the lane's number, and addresses and ids are left out.
    const args = log.args as Record<string, unknown>;
    const lane =
      typeof args.payee === "string" && typeof args.lane === "number"
        ? [laneOf(args.payee, args.lane)]
        : [];
    const rest = Object.entries(args)
      .filter(([name]) => !["lane", "fee", "challengePeriod", "salt"].includes(name))
      .flatMap(([, value]) =>
        typeof value === "bigint" || typeof value === "number" ? [BigInt(value)] : [],
      );
    if (log.eventName === "ReservationRefused") rest.shift(); // the version, which the row says
    return [log.eventName, ...lane, ...rest];
  });
  return { events };
}

/** A reverted transaction does not say why; the same call on its own block does. */
async function errorOf(request: object): Promise<string> {
  try {
    await net.cheat("eth_call", request, "latest");
  } catch (error) {
    for (let e: unknown = error; e instanceof Error; e = e.cause)
      if ("data" in e && typeof e.data === "string" && e.data.length >= 10)
        return decodeErrorResult({ abi: tabcastPotAbi, data: e.data as Hex }).errorName;
    throw error;
  }
  throw new Error("what reverted in its block does not revert after it");
}

/** Everything the contract knows of the pot, as the model has it. */
async function onChain(world: World): Promise<Model & { held: bigint }> {
  const at = { address: net.domain.contract, abi: tabcastPotAbi } as const;
  const lanes = PAYEES.map((_, i) => laneAt(world, i));
  const [pot, states, bounces, held, ...credits] = await Promise.all([
    readContract(client, { ...at, functionName: "potState", args: [world.potId] }),
    readContract(client, {
      ...at,
      functionName: "laneStates",
      args: [world.potId, lanes.map(({ payee }) => payee), lanes.map(({ lane }) => lane)],
    }),
    readContract(client, { ...at, functionName: "bounces", args: [world.config.payer] }),
    getBalance(client, { address: net.domain.contract }),
    ...net.accounts.map(({ address }) =>
      readContract(client, { ...at, functionName: "credits", args: [address, zeroAddress] }),
    ),
  ]);
  return {
    balance: pot.balance,
    reserved: pot.reserved,
    closeAt: BigInt(pot.closeAt),
    maxUntil: BigInt(pot.maxUntil),
    lanes: states.map(({ claimed, ceiling, until, version }) => ({
      claimed,
      ceiling,
      until: BigInt(until),
      version: BigInt(version),
    })),
    bounces,
    credits,
    held,
  };
}

const money = fc.oneof(
  fc.bigInt({ min: 0n, max: 2_000n }),
  fc.bigInt({ min: 0n, max: 10n ** 18n }),
);
const total = fc.oneof(
  { weight: 6, arbitrary: fc.bigInt({ min: 1n, max: 3_000n }) },
  { weight: 1, arbitrary: fc.bigInt({ min: 1n, max: 2n ** 96n - 1n }) },
);
const lane = fc.nat({ max: 3 });
const anyone = fc.nat({ max: 3 });
const mostly = (sender: number) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(sender) }, { weight: 1, arbitrary: anyone });
const few = { minLength: 1, maxLength: 4 };
const plans: readonly (readonly [weight: number, plan: fc.Arbitrary<Plan>])[] = [
  [4, fc.record({ do: fc.constant("deposit"), sender: anyone, amount: money })],
  [
    5,
    fc.record({
      do: fc.constant("reserve"),
      sender: mostly(SIGNER),
      rows: fc.array(
        fc.record({
          lane,
          ceiling: fc.bigInt({ min: 0n, max: 2_500n }),
          ttl: fc.oneof(fc.integer({ min: 1, max: 1_500 }), fc.constantFrom(-1, 0, 86_400, 86_401)),
          versionOff: fc.oneof(
            { weight: 6, arbitrary: fc.constant(0) },
            { weight: 1, arbitrary: fc.constant(1) },
          ),
        }),
        few,
      ),
    }),
  ],
  [
    2,
    fc.record({
      do: fc.constant("release"),
      sender: fc.constantFrom(1, 2, 0),
      lanes: fc.array(lane, few),
    }),
  ],
  [
    8,
    fc.record({
      do: fc.constant("claim"),
      sender: anyone,
      rows: fc.array(
        fc.record({
          lane,
          cumulative: total,
          kind: fc.oneof(
            { weight: 6, arbitrary: fc.constant("good" as const) },
            {
              weight: 1,
              arbitrary: fc.constantFrom(
                "stranger" as const,
                "other lane" as const,
                "other pot" as const,
                "high s" as const,
                "v 0" as const,
              ),
            },
          ),
        }),
        few,
      ),
    }),
  ],
  [
    3,
    fc.record({
      do: fc.constant("pay"),
      sender: mostly(SIGNER),
      rows: fc.array(fc.record({ lane, cumulative: total }), few),
    }),
  ],
  [
    4,
    fc.record({
      do: fc.constant("warp"),
      seconds: fc.oneof(fc.integer({ min: 0, max: 600 }), fc.integer({ min: 600, max: 3_000 })),
    }),
  ],
  [1, fc.record({ do: fc.constant("startClose"), sender: mostly(SIGNER) })],
  [1, fc.record({ do: fc.constant("cancelClose"), sender: mostly(PAYER) })],
  [2, fc.record({ do: fc.constant("finalizeClose"), sender: anyone })],
  [2, fc.record({ do: fc.constant("withdraw"), sender: anyone, account: anyone })],
  [2, fc.record({ do: fc.constant("withdrawTo"), sender: anyone, to: anyone, amount: money })],
].map(([weight, plan]) => [weight, plan] as [number, fc.Arbitrary<Plan>]);

/** The events and errors that were compared. */
const seen = new Set<string>();

class Step implements fc.AsyncCommand<{ ready: true }, World> {
  readonly #plan: Plan;
  constructor(plan: Plan) {
    this.#plan = plan;
  }
  check = () => true;
  async run(_: { ready: true }, world: World): Promise<void> {
    const plan = this.#plan;
    if (plan.do === "warp") {
      world.now += plan.seconds;
      return;
    }
    world.now += 1;
    const now = BigInt(world.now);
    const { action, call } = await concrete(world, plan, world.now);
    const rules = {
      payer: PAYER,
      signer: SIGNER,
      payees: PAYEES,
      challenge: BigInt(CHALLENGE),
    };
    const expected = apply(world.model, rules, plan.sender, action, now);
    const happened = await send(world, plan.sender, call, world.now);
    if ("error" in expected) {
      seen.add(expected.error);
      expect(happened).toEqual({ error: expected.error });
    } else {
      for (const [name] of expected.events) seen.add(name);
      expect(happened).toEqual({ events: expected.events });
      world.model = expected.model;
    }
    const { held, ...state } = await onChain(world);
    expect(state).toEqual(world.model);
    // Invariants 1 to 3, in passing.
    const { balance, reserved, lanes, credits, closeAt } = state;
    expect(held).toBe(balance + credits.reduce((sum, credit) => sum + credit, 0n));
    expect(reserved).toBeLessThanOrEqual(balance);
    if (closeAt !== 0xffffffffn)
      expect(reserved).toBe(
        lanes.reduce(
          (sum, { ceiling, claimed }) => sum + (ceiling > claimed ? ceiling - claimed : 0n),
          0n,
        ),
      );
    if (plan.do === "claim" && plan.rows[0]) await this.#compareClaimable(world, plan.rows[0]);
  }
  async #compareClaimable(world: World, row: { lane: number; cumulative: bigint }): Promise<void> {
    const { payee, lane } = laneAt(world, row.lane);
    const [guaranteed, soft] = await readContract(client, {
      address: net.domain.contract,
      abi: tabcastPotAbi,
      functionName: "claimable",
      args: [world.config, payee, lane, row.cumulative],
    });
    expect({ guaranteed, soft }).toEqual(
      claimable(world.model, row.lane, row.cumulative, BigInt(world.now)),
    );
  }
  toString = () =>
    JSON.stringify(this.#plan, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
}

let clock = 0;

/** A pot of its own for a list of commands; the chain is put back afterwards. */
async function inNewPot(work: (world: World) => Promise<void>): Promise<void> {
  const { timestamp } = (await net.cheat("eth_getBlockByNumber", "latest", false)) as {
    timestamp: Hex;
  };
  const snapshot = await net.cheat("evm_snapshot");
  const config: PotConfig = {
    payer: address(PAYER),
    signer: address(SIGNER),
    token: zeroAddress,
    challengePeriod: CHALLENGE,
    salt: toHex(++salts, { size: 32 }),
  };
  const world: World = {
    config,
    potId: potIdOf(separator(net.domain), config),
    laneIds: [7, 0xffffffff, 7, 0],
    model: empty(4, net.accounts.length),
    // Never back: anvil takes no block before one that it took back.
    now: Math.max(clock, Number(timestamp)) + 10,
  };
  try {
    await work(world);
  } finally {
    clock = world.now;
    await net.cheat("evm_revert", snapshot);
  }
}

test(`the contract does what its description says, command by command (SEED=${replay.seed})`, async () => {
  const commands = fc.commands(
    plans.flatMap(([weight, plan]) =>
      Array.from({ length: weight }, () => plan.map((value) => new Step(value))),
    ),
    // A failure prints its replay path beside SEED and FC_PATH: give it as FC_REPLAY.
    {
      maxCommands: 40,
      size: "max",
      ...(process.env.FC_REPLAY && { replayPath: process.env.FC_REPLAY }),
    },
  );
  await fc.assert(
    fc.asyncProperty(commands, (steps) =>
      inNewPot((world) =>
        fc.asyncModelRun(() => ({ model: { ready: true as const }, real: world }), steps),
      ),
    ),
    { ...replay, numRuns: RUNS },
  );
}, 120_000);

test("a pot's whole life meets every event and every refusal, as described", async () => {
  const good = (lane: number, cumulative: bigint) => ({ lane, cumulative, kind: "good" as const });
  const reserve = (lane: number, ceiling: bigint, ttl: number, versionOff = 0): Plan => ({
    do: "reserve",
    sender: SIGNER,
    rows: [{ lane, ceiling, ttl, versionOff }],
  });
  const claim = (...rows: Extract<Plan, { do: "claim" }>["rows"]): Plan => ({
    do: "claim",
    sender: 2,
    rows,
  });
  seen.clear();
  const life: readonly Plan[] = [
    claim(good(0, 1n)), // unknown pot
    { do: "deposit", sender: 1, amount: 0n },
    { do: "deposit", sender: PAYER, amount: 1_000n },
    reserve(0, 300n, 600),
    reserve(0, 300n, 600, 1), // version
    reserve(0, 200n, 600), // shrinks
    reserve(1, 800n, 600), // funds
    reserve(1, 100n, 86_401), // until
    reserve(0, 400n, 900), // extends
    { do: "reserve", sender: 1, rows: [] },
    { do: "release", sender: 2, lanes: [0] },
    claim(good(2, 900n), good(0, 50n), good(0, 50n), { ...good(0, 60n), kind: "stranger" }),
    { do: "warp", seconds: 1_000 },
    { do: "release", sender: PAYER, lanes: [0] }, // lapsed
    reserve(0, 200n, 100),
    { do: "release", sender: 1, lanes: [0] }, // its own
    reserve(0, 200n, 100),
    { do: "warp", seconds: 200 },
    claim(good(0, 120n)), // lapses on the way
    { do: "pay", sender: 2, rows: [] },
    { do: "pay", sender: PAYER, rows: [{ lane: 3, cumulative: 10n }] },
    { do: "finalizeClose", sender: 1 },
    { do: "cancelClose", sender: PAYER },
    { do: "startClose", sender: SIGNER },
    { do: "startClose", sender: SIGNER },
    { do: "deposit", sender: PAYER, amount: 5n },
    { do: "cancelClose", sender: SIGNER },
    { do: "cancelClose", sender: PAYER },
    { do: "deposit", sender: PAYER, amount: 500n },
    { do: "startClose", sender: PAYER },
    { do: "finalizeClose", sender: 1 },
    { do: "warp", seconds: CHALLENGE },
    claim(good(1, 77n)), // late, and still paid
    { do: "finalizeClose", sender: 1 },
    { do: "deposit", sender: PAYER, amount: 5n },
    claim(good(1, 99n)),
    { do: "withdraw", sender: 2, account: 1 },
    { do: "withdrawTo", sender: 2, to: 1, amount: 3n },
    { do: "withdrawTo", sender: 2, to: 1, amount: 10n ** 18n },
  ];
  await inNewPot(async (world) => {
    for (const plan of life) await new Step(plan).run({ ready: true }, world);
  });
  expect([...seen.keys()].sort()).toEqual([
    "Bounced",
    "ChallengeRunning",
    "ClaimSkipped",
    "Claimed",
    "CloseCancelled",
    "CloseStarted",
    "CreditTooSmall",
    "CreditWithdrawn",
    "Deposited",
    "NotAuthorised",
    "PotClosing",
    "PotFinalized",
    "PotIsFinal",
    "PotNotClosing",
    "PotOpened",
    "PotUnknown",
    "Released",
    "ReservationRefused",
    "Reserved",
    "ZeroAmount",
  ]);
});
