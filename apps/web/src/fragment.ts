import { useSyncExternalStore } from "react";

const follow = (changed: () => void) => {
  addEventListener("hashchange", changed);
  return () => removeEventListener("hashchange", changed);
};

/** What stands after "#" in the page's address: a private stream's key, or nothing. It stays there, for who reloads the page. */
export const useFragment = (): string => useSyncExternalStore(follow, () => location.hash.slice(1));
