import { type Lane, Wire } from "@tabcast/channel";
import { type Mesh, MeshError, type Message } from "@tabcast/mesh";
import { PROTOCOLS, Verdict } from "@tabcast/protocol";

/** What becomes of a verdict on its way. "lose": all tries of it are lost. */
export type Fate = "pass" | "hold" | "lose" | "twice";

interface Held {
  readonly seq: number;
  readonly peer: string;
  release(): void;
}

/** A broadcaster's way to its workers, on which verdicts are held, lost and repeated as the test says; it sees each voucher that leaves. */
export class Line {
  /** Verdicts that wait, the oldest first. */
  readonly held: Held[] = [];
  /** The highest voucher that left for each lane, by "payee/lane" in lower case; wei. */
  readonly left = new Map<string, bigint>();
  /** Of each verdict by its sequence and peer, chosen before it is sent. Default "pass". */
  readonly #fates = new Map<string, Fate>();
  readonly mesh: Mesh;

  constructor(inner: Mesh, payeeOf: (peer: string) => Lane["payee"] | undefined) {
    const line = this;
    this.mesh = {
      ...inner,
      async *request(peer, protocol, message, options) {
        if (protocol !== PROTOCOLS.verdict)
          return yield* inner.request(peer, protocol, message, options);
        const { seq, voucher } = Verdict.decode(message.head);
        const payee = payeeOf(peer);
        if (voucher !== undefined && payee !== undefined) {
          const { cumulative, lane } = Wire.toVoucher(voucher, payee);
          const key = `${payee}/${lane}`.toLowerCase();
          if (cumulative > (line.left.get(key) ?? 0n)) line.left.set(key, cumulative);
        }
        yield* line.#carry(seq, peer, () => inner.request(peer, protocol, message, options));
      },
    };
  }

  /** Says what is to become of the verdict on a segment. */
  decide(seq: number, peer: string, fate: Fate): void {
    this.#fates.set(`${seq} ${peer}`, fate);
  }

  /** Lets one that waits go on. */
  release(at: number): void {
    const [one] = this.held.splice(at % Math.max(1, this.held.length), 1);
    one?.release();
  }

  async *#carry(
    seq: number,
    peer: string,
    send: () => AsyncIterable<Message>,
  ): AsyncIterable<Message> {
    const fate = this.#fates.get(`${seq} ${peer}`) ?? "pass";
    if (fate === "lose") throw new MeshError({ code: "MESH_PEER_LOST", peer }, "lost on its way");
    if (fate === "hold")
      await new Promise<void>((resolve) => this.held.push({ seq, peer, release: resolve }));
    if (fate === "twice") for await (const _ of send()) break;
    yield* send();
  }
}
