/** A broadcaster on virtual time: node's own, with a modelled source, device, pot and checks. */
import { memory } from "@tabcast/channel";
import { LIVE } from "@tabcast/market";
import { broadcast } from "@tabcast/node/broadcaster";
import { Keys } from "@tabcast/protocol";
import { Amount } from "@tabcast/runtime";
import { broadcastOptions } from "@tabcast/tab/assembly";
import { hiringDefaults } from "@tabcast/tab/settings";
import { calibration } from "../calibration.ts";
import { Ladder } from "../ladder.ts";
import type { Stage, StreamPart, StreamTab } from "../stage.ts";
import {
  CODEC,
  inspect,
  openDevice,
  openSource,
  openVerifier,
  type SourceOptions,
} from "./codec.ts";
import { openPot, verifyPayee } from "./money.ts";
import { ladderPixelRate, openPeer, type Peer, Staged, type World } from "./world.ts";

const GWEI = 1_000_000_000;

/** Opens the stream's tab; `offered` is shown its mesh, to count what it offers. `holds`: what its segments hold in spite of that. */
export async function stageStream(
  world: World,
  part: StreamPart,
  offered: (peer: Peer) => void,
  holds?: SourceOptions["holds"],
): ReturnType<Stage["stream"]> {
  const peer = await openPeer(world, part.name, part.tabSeed);
  offered(peer);
  return { start: () => start(world, part, peer, holds) };
}

async function start(
  world: World,
  part: StreamPart,
  peer: Peer,
  holds: SourceOptions["holds"],
): Promise<StreamTab> {
  const { scenario, ledger, rng } = world;
  const { number, name, spec } = part;
  const { clock } = peer.node.tab;
  const { scale } = scenario;
  await peer.mesh.reachable({ signal: world.signal });
  const air = await broadcast(
    broadcastOptions(hiringDefaults, {
      records: memory(),
      mesh: peer.mesh,
      source: openSource({
        clock,
        random: rng(`source/${number}`),
        number,
        segmentMs: spec.segS * 1_000,
        frameRate: spec.fps,
        width: Math.round((spec.height * 16) / 18) * 2,
        height: spec.height,
        bitrate: Number.parseInt(spec.source, 10) * 1_000,
        scale,
        ...(holds && { holds }),
      }),
      rungs: Ladder.of(spec.ladder, scale),
      codec: CODEC,
      title: name,
      openPot: () =>
        openPot({
          ledger,
          clock,
          random: rng(`pot/${number}`),
          deposit: Amount.of(Math.round(spec.deposit * GWEI)),
          pays: spec.behaviour === undefined,
        }),
      maxPrice: Amount.of(Math.round(spec.maxPrice * 1_000 * GWEI)),
      wanted: spec.wanted,
      ...(part.visibility && { visibility: part.visibility }),
      pace: "live",
      transcoder: () =>
        openDevice({
          clock,
          random: rng(`own/${number}`),
          pixelsPerSecond: spec.ownSpeed * ladderPixelRate(scenario),
          sigma: calibration.encode.sigma,
          stall: { share: 0, factor: 1 },
          deliver: { deliverMs: 0, deliverSigma: 0 },
          worked: () => {},
        }),
      inspect,
      verifyPayee,
      verifier: () =>
        openVerifier({ clock, random: rng(`looks/${number}`), ...scenario.check, scale }),
      keys: await Keys.fromSeed(part.streamSeed),
      clock,
      random: rng(`choices/${number}`),
      // Sizes are scaled, so what is assumed of a link before it is measured must be too.
      config: { ...LIVE, assumedUplink: LIVE.assumedUplink / scale },
      on: part.on,
      signal: world.signal,
    }),
  );
  const tab = new Staged(world, peer, () => air.stop());
  return Object.assign(tab, {
    stream: air.stream,
    finished: air.finished,
    ...(air.keys && { keys: air.keys }),
  });
}
