import { compliance } from "@tabcast/channel/compliance";
import { memory } from "./memory.ts";

compliance("memory", async () => {
  const place = memory();
  // The same records, used by another: closing one use leaves the others open.
  return { open: async () => place.share() };
});
