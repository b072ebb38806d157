import { type Listeners, listeners } from "./listeners.ts";
import type { GossipMessage, Name } from "./mesh.ts";

/** Who in this tab listens to which topic. */
export interface Topics {
  has(topic: Name): boolean;
  tell(topic: Name, message: GossipMessage): void;
  /** `on` hears the topic until `signal` fires. `first` is called before the topic's first listener, `last` after its last. */
  listen(
    topic: Name,
    on: (message: GossipMessage) => void,
    signal: AbortSignal,
    change?: { readonly first?: () => void; readonly last?: () => void },
  ): void;
}

export function openTopics(): Topics {
  const all = new Map<Name, Listeners<GossipMessage>>();
  return {
    has: (topic) => all.has(topic),
    tell: (topic, message) => all.get(topic)?.tell(message),
    listen(topic, on, signal, { first, last } = {}) {
      if (signal.aborted) return;
      const here = all.get(topic) ?? listeners<GossipMessage>();
      if (!all.has(topic)) {
        all.set(topic, here);
        first?.();
      }
      here.add(on, signal, () => {
        if (here.size > 0) return;
        all.delete(topic);
        last?.();
      });
    },
  };
}
