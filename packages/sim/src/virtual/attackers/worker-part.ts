import type { Mesh } from "@tabcast/mesh";
import { Amount } from "@tabcast/runtime";
import type { WorkerPart } from "../../stage.ts";
import { stageWorker } from "../worker.ts";
import type { World } from "../world.ts";
import type { Hostile } from "./attacker.ts";

/** Wei per gigapixel that are a gwei per megapixel. */
const PER_GIGAPIXEL = 1_000_000_000_000;

/** Multiple of real time for the first stream's ladder. */
const SPEED = 6;

/** A hostile worker that wants to be hired: quicker and cheaper than most. */
export const tempting = ({ rng }: World, name: string): WorkerPart => ({
  name,
  spec: {
    id: "hostile",
    n: 1,
    fromS: undefined,
    speed: { dist: "const", value: SPEED },
    price: [1, 1],
    uplinkKbps: undefined,
    downlinkKbps: undefined,
    pastes: undefined,
    behaviour: undefined,
  },
  seed: rng(`key/${name}`).bytes(32),
  price: Amount.of(PER_GIGAPIXEL),
  speed: SPEED,
  on: () => {},
  cheated: () => {},
  worked: () => {},
});

/** Has hostile workers come to work, one after the other, each by way of a mesh of its own that does what honest ones do not. */
export async function putToWork(
  world: World,
  { names, did }: Hostile,
  hostile: (world: World, mesh: Mesh, did: Hostile["did"]) => Mesh,
): Promise<void> {
  for (const name of names) {
    const worker = await stageWorker(world, tempting(world, name), (mesh) =>
      hostile(world, mesh, did),
    );
    await worker.join();
  }
}
