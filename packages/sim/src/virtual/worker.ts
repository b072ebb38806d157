/** A worker on virtual time: node's own, with a modelled device and purse, and a cheat's hands where it is one. */
import type { Mesh } from "@tabcast/mesh";
import { work } from "@tabcast/node/worker";
import { Keys, peerIdOf } from "@tabcast/protocol";
import { workerOptions } from "@tabcast/tab/assembly";
import { workerDefaults } from "@tabcast/tab/settings";
import { calibration } from "../calibration.ts";
import type { StagedWorker, WorkerPart, WorkerTab } from "../stage.ts";
import { BOAST, meshOf, touchOf } from "./behaviour.ts";
import { CODEC, type Device, openDevice } from "./codec.ts";
import { openPurse, proofOf, type SimPurse } from "./money.ts";
import { EPOCH } from "./timeline.ts";
import { ladderPixelRate, openPeer, type Peer, Staged, type World } from "./world.ts";

/** What a measurement takes on a device that is not slowed, in milliseconds. */
const MEASURE_MS = 250;

/** `disguise`: what a hostile worker does to the mesh between itself and others. */
export async function stageWorker(
  world: World,
  part: WorkerPart,
  disguise: (mesh: Mesh) => Mesh = (mesh) => mesh,
): Promise<StagedWorker> {
  const { ledger, rng, timeline } = world;
  const { publicKey } = await Keys.fromSeed(part.seed);
  const purse = openPurse({
    ledger,
    random: rng(`purse/${part.name}`),
    named: part.spec.pastes === undefined ? undefined : rng(`purse/${part.spec.pastes}`),
    now: () => Math.floor((EPOCH + timeline.now) / 1_000),
  });
  return {
    peer: peerIdOf(publicKey),
    join: () => join(world, part, { purse, disguise }),
    books: () => ({
      vouched: purse.balances().vouchered,
      owed: [...purse.arrears().values()],
    }),
  };
}

async function join(
  world: World,
  part: WorkerPart,
  { purse, disguise }: { readonly purse: SimPurse; readonly disguise: (mesh: Mesh) => Mesh },
): Promise<WorkerTab> {
  const { name, seed, spec, price, speed, on, cheated } = part;
  const { behaviour } = spec;
  const peer = await openPeer(world, name, seed, spec);
  await peer.mesh.reachable({ signal: world.signal });
  const { clock } = peer.node.tab;
  const cheating = world.rng(`cheat/${name}`);
  const touch =
    behaviour && touchOf(behaviour, cheating, ({ source, seq }) => cheated(`${source}/${seq}`));
  const pixelsPerSecond = speed * ladderPixelRate(world.scenario);
  const device = openDevice({
    clock,
    random: world.rng(`device/${name}/${world.timeline.now}`),
    pixelsPerSecond,
    sigma: calibration.encode.sigma,
    stall: { share: calibration.encode.stallShare, factor: calibration.encode.stallFactor },
    deliver: calibration.transfer,
    ...(touch && { touch }),
    worked: part.worked,
  });
  let served = 0;
  const mesh = disguise(
    behaviour
      ? meshOf(behaviour, peer.mesh, cheating, () => cheated(`served/${served++}`))
      : peer.mesh,
  );
  const worker = peer.keys.publicKey;
  const boast = behaviour?.kind === "lies-speed" ? BOAST : 1;
  const claimed = pixelsPerSecond * boast;
  const node = work(
    workerOptions(
      { ...workerDefaults, price },
      {
        mesh,
        keys: peer.keys,
        purse,
        ...(spec.pastes === undefined && { payeeProof: proofOf({ payee: purse.payee, worker }) }),
        transcoder: device,
        capabilities: [{ codec: CODEC, pixelsPerSecond: claimed, hardware: "sw" }],
        measure: async ({ signal }) => ({
          codec: CODEC,
          pixelsPerSecond: (await device.measure(MEASURE_MS, signal)) * boast,
          hardware: "sw",
        }),
        clock,
        on,
        ...(part.privateStreams && { privateStreams: part.privateStreams }),
        signal: world.signal,
      },
    ),
  );
  const leave = () => void node.close().then(() => peer.mesh.close());
  return new StagedWorkerTab(world, peer, device, leave);
}

class StagedWorkerTab extends Staged implements WorkerTab {
  readonly #device: Device;

  constructor(world: World, peer: Peer, device: Device, leave: () => void) {
    super(world, peer, leave);
    this.#device = device;
  }

  slow(factor: number): void {
    this.#device.slow(factor);
  }
}
