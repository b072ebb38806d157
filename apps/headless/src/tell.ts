import type { Told } from "@tabcast/localnet/headless";

/** Tells the command something; resolves when it has been dealt with there. Bigints become decimal text. */
export async function tell(told: Told): Promise<void> {
  const { tabcastTell } = globalThis as unknown as {
    tabcastTell?: (text: string) => Promise<void>;
  };
  await tabcastTell?.(
    JSON.stringify(told, (_, value) => (typeof value === "bigint" ? `${value}` : value)),
  );
}
