import { BoundedMap } from "@tabcast/runtime";

/** Streams whose turns are remembered: one that made room counts as new. */
const MOST_STREAMS = 64;

/** One job's claim on the turn. */
export interface Turn {
  /** Resolves when it is this job's turn; at once if it has it. */
  take(): Promise<void>;
  /** Lets the next one work. Also ends a wait that `take` began, whose promise then stays open. May be called twice. */
  give(): void;
}

interface Waiter {
  readonly stream: string;
  readonly enter: () => void;
}

/**
 * Lets one of several jobs work at a time: of those that wait, one of the stream whose turn is longest ago, so that the many or heavy jobs
 * of one stream delay another's by one of them; within a stream in the order they ask.
 */
export class Turns {
  #taken = false;
  #waiting: Waiter[] = [];
  /** Streams by their last turns, the longest ago first. */
  readonly #served = new BoundedMap<string, true>(MOST_STREAMS);

  /** `stream`: whose job it is. Default: all are of one stream. */
  claim(stream = ""): Turn {
    let holding = false;
    let enter: (() => void) | undefined;
    return {
      take: async () => {
        if (holding) return;
        if (this.#taken)
          return new Promise<void>((resolve) => {
            enter = () => {
              holding = true;
              enter = undefined;
              this.#served.set(stream, true);
              resolve();
            };
            this.#waiting.push({ stream, enter });
          });
        this.#taken = true;
        this.#served.set(stream, true);
        holding = true;
      },
      give: () => {
        this.#waiting = this.#waiting.filter((one) => one.enter !== enter);
        enter = undefined;
        if (!holding) return;
        holding = false;
        // Handed on without being free in between: nobody who asks later comes first.
        const next = this.#next();
        if (next) next.enter();
        else this.#taken = false;
      },
    };
  }

  /** Takes whoever is next out of those that wait. */
  #next(): Waiter | undefined {
    const order = [...this.#served.keys()];
    const since = ({ stream }: Waiter) => order.indexOf(stream);
    const [next] = this.#waiting.toSorted((a, b) => since(a) - since(b));
    this.#waiting = this.#waiting.filter((one) => one !== next);
    return next;
  }
}
