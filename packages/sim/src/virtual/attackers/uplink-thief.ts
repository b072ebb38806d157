import { Get, PROTOCOLS } from "@tabcast/protocol";
import type { Node } from "../mesh.ts";
import type { Peer, World } from "../world.ts";
import { type Attacker, every, type Hostile, openAll, pick } from "./attacker.ts";
import { type Ears, listen } from "./overheard.ts";
import { strangers } from "./strangers.ts";

/** Identities of one hostile peer, and requests that each has under way. */
const IDENTITIES = 3;
const AT_ONCE = 16;

/** Takes a segment's source from its broadcaster, to the last byte. */
async function take(
  { net, signal }: World,
  node: Node,
  { entries, did }: Ears & Pick<Hostile, "did">,
): Promise<void> {
  const random = net.options.random;
  const entry = pick([...entries.values()], random);
  const track = pick(entry?.tracks.filter(({ gap }) => !gap) ?? [], random);
  if (entry === undefined || track === undefined) return;
  const message = { head: Get.encode({ hash: track.mediaHash }), body: new Uint8Array(0) };
  const request = net.mesh(node).request(entry.broadcaster, PROTOCOLS.get, message, { signal });
  for await (const _ of request);
  did("segments taken whole");
}

export const uplinkThief: Attacker = {
  what: "takes whatever broadcasters hold of their streams, under three identities with sixteen requests each at once",
  aims: "broadcasters' uplinks, so that jobs leave too late",
  bound: "no more segments are missed than without it",
  async start(world, hostile) {
    const peers = await openAll(world, hostile);
    const ears = listen(world, peers[0] as Peer);
    for (const { name } of peers)
      for (const node of await strangers(world, name, IDENTITIES)) {
        const random = world.rng(`steal/${node.self}`);
        let under = 0;
        every(world, { ms: 100, random }, async () => {
          if (under >= AT_ONCE) return;
          under++;
          await take(world, node, { ...ears, did: hostile.did }).finally(() => under--);
        });
      }
  },
};
