import type { Mesh, PeerId } from "@tabcast/mesh";
import { LiveReply, LiveRequest, PROTOCOLS } from "@tabcast/protocol";
import type { Random } from "@tabcast/runtime";
import type { Context } from "../context.ts";
import { ask } from "../exchange.ts";

/** How long an answer may take, in milliseconds. */
const ASK_MS = 5_000;
/** Neighbours that are asked at once where there is no relay. */
const MOST_NEIGHBOURS = 4;

/** Asks a relay or a neighbour what is on the air. Throws MESH_*, PROTOCOL_*, or the signal's reason. */
export async function askLive(
  { mesh, clock, signal }: Pick<Context, "mesh" | "clock" | "signal">,
  source: PeerId,
  request: LiveRequest,
): Promise<LiveReply> {
  const head = LiveRequest.encode(request);
  const waits = { signal: AbortSignal.any([signal, clock.timeout(ASK_MS)]) };
  return LiveReply.decode((await ask(mesh, source, PROTOCOLS.live, head, waits)).head);
}

/** Whom to ask: the relays, which hear all streams; without one, a few neighbours by chance. */
export function sourcesOf(mesh: Pick<Mesh, "relays" | "neighbours">, random: Random): PeerId[] {
  const relays = mesh.relays();
  if (relays.length > 0) return [...relays];
  const all = mesh.neighbours().map(({ peer }) => peer);
  const chosen: PeerId[] = [];
  while (all.length > 0 && chosen.length < MOST_NEIGHBOURS)
    chosen.push(...all.splice(random.below(all.length), 1));
  return chosen;
}
