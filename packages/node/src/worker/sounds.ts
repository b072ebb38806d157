import type { Message, PeerId } from "@tabcast/mesh";
import { Hold, HoldReply, MAX_INIT, MAX_SOUND, PROTOCOLS } from "@tabcast/protocol";
import { Allowances, type Bytes, toHex } from "@tabcast/runtime";
import { type BlobStore, checkHash } from "../blob-store.ts";
import type { WorkerContext } from "./context.ts";
import type { Engagements } from "./engagements.ts";

/** Sounds of one stream: of each segment two codings, and a second is the shortest segment. */
const SOUNDS = { perSecond: 4, burst: 16 };
/** Awards whose allowances are remembered; a worker has eight streams. */
const MOST_AWARDS = 64;
const NOTHING = new Uint8Array(0);

const reply = (why: string): Message => ({
  head: HoldReply.encode({ ok: why === "", why }),
  body: NOTHING,
});

/** Holds the sound of segments for viewers, as it holds what was made of them: part of the job, and not paid apart. */
export function serveSounds(
  { mesh, clock, signal }: Pick<WorkerContext, "mesh" | "clock" | "signal">,
  { engagements, blobs }: { readonly engagements: Engagements; readonly blobs: BlobStore },
): void {
  const allowances = new Allowances(SOUNDS, MOST_AWARDS);

  /** Why it is not due, or nothing. */
  function refusal(hold: Hold, peer: PeerId, size: number): string {
    const engagement = engagements.get(hold.award);
    if (engagement?.broadcaster !== peer || engagement.award.epoch !== hold.epoch) return "gone";
    if (size !== hold.initLen + hold.mediaLen) return "not as long as its head says";
    return allowances.take(toHex(hold.award), clock.now()) ? "" : "too many";
  }

  mesh.serve(
    PROTOCOLS.hold,
    async function* ({ head, body }) {
      const { initLen, initHash, mediaHash } = Hold.decode(head);
      const [init, media] = [body.slice(0, initLen), body.slice(initLen)];
      await Promise.all([checkHash(init, initHash), checkHash(media, mediaHash)]);
      blobs.put(toHex(initHash), init);
      blobs.put(toHex(mediaHash), media);
      yield reply("");
    },
    {
      signal,
      admit(head, { peer, size }) {
        const why = refusal(Hold.decode(head), peer, size);
        return why === "" ? { rank: "crew" } : { refusal: reply(why) };
      },
      maxBody: (MAX_INIT + MAX_SOUND) as Bytes,
      maxPerPeer: 4,
    },
  );
}
