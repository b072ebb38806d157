/** Of the Network Information API, which TypeScript's types leave out. */
interface NetworkInformation extends EventTarget {
  /** Where the browser says it: "wifi", "ethernet", "cellular". */
  readonly type?: string;
}

/**
 * What a page hears of its machine's network: "online" when there is one again, "change" when it may be another. Chromium tells of
 * each new estimate of speed as well; where it says which kind of network it is, only another kind counts.
 */
export function pageNetwork(signal: AbortSignal): EventTarget {
  const told = new EventTarget();
  window.addEventListener("online", () => told.dispatchEvent(new Event("online")), { signal });
  const { connection } = navigator as Navigator & { connection?: NetworkInformation };
  let before = connection?.type;
  connection?.addEventListener(
    "change",
    () => {
      const { type } = connection;
      if (type === undefined || type !== before) told.dispatchEvent(new Event("change"));
      before = type;
    },
    { signal },
  );
  return told;
}
