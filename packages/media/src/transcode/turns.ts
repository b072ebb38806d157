/** One job's claim on the turn. */
export interface Turn {
  /** Resolves when it is this job's turn; at once if it has it. */
  take(): Promise<void>;
  /** Lets the next one work. Also ends a wait that `take` began, whose promise then stays open. May be called twice. */
  give(): void;
}

/** Lets one of several jobs work at a time, in the order they ask. */
export class Turns {
  #taken = false;
  readonly #waiting: (() => void)[] = [];

  claim(): Turn {
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
              resolve();
            };
            this.#waiting.push(enter);
          });
        this.#taken = true;
        holding = true;
      },
      give: () => {
        if (enter) this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        enter = undefined;
        if (!holding) return;
        holding = false;
        // Handed on without being free in between: nobody who asks later comes first.
        const next = this.#waiting.shift();
        if (next) next();
        else this.#taken = false;
      },
    };
  }
}
