const plain = (value: number, digits: number) =>
  value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** "0.8 Mbit/s", "250 kbit/s": three sensible digits of a bitrate in bits per second. */
export function bitrate(bitsPerSecond: number): string {
  if (bitsPerSecond < 500_000) return `${plain(bitsPerSecond / 1e3, 0)} kbit/s`;
  return `${plain(bitsPerSecond / 1e6, bitsPerSecond < 100e6 ? 1 : 0)} Mbit/s`;
}

/** "412 B", "12.5 kB", "3.2 MB", in powers of ten. */
export function bytes(count: number): string {
  if (count < 1_000) return `${count} B`;
  const [unit, name] = count < 1e6 ? [1e3, "kB"] : count < 1e9 ? [1e6, "MB"] : [1e9, "GB"];
  return `${plain(count / unit, 1)} ${name}`;
}

/** "480 x 270". */
export function pixels({ width, height }: { width: number; height: number }): string {
  return `${width} x ${height}`;
}

/** "480 x 270, 0.8 Mbit/s": a rung as people compare them. */
export function rung(one: { width: number; height: number; bitrate: number }): string {
  return `${pixels(one)}, ${bitrate(one.bitrate)}`;
}

/** "1.9 s", "0.0 s". */
export function seconds(value: number): string {
  return `${plain(Math.max(0, value), 1)} s`;
}

/** "840 ms". */
export function millis(value: number): string {
  return `${plain(Math.max(0, value), 0)} ms`;
}

/** "3:07" or "1:02:40" of a span in seconds. */
export function clock(value: number): string {
  const whole = Math.max(0, Math.floor(value));
  const pad = (part: number) => String(part).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes}:${pad(whole % 60)}`
    : `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(whole % 60)}`;
}

/** "just now", "3 min ago", "2 h ago". */
export function ago(then: number, now: number): string {
  const minutes = Math.floor(Math.max(0, now - then) / 60_000);
  if (minutes < 1) return "just now";
  return minutes < 60 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ago`;
}

/** "Nov 28, 2026, 12:30 PM", in the reader's time zone. Unix seconds. */
export function moment(seconds: number): string {
  const options = { dateStyle: "medium", timeStyle: "short" } as const;
  return new Date(seconds * 1_000).toLocaleString("en", options);
}

/** The last eight characters of a peer or stream id, which are the ones that differ. */
export function shortId(id: string): string {
  return id.length <= 10 ? id : `…${id.slice(-8)}`;
}

/** The text with every peer id in it shortened. */
export function shortIds(text: string): string {
  return text.replace(/\b12D3Koo[1-9A-HJ-NP-Za-km-z]{45}\b/g, shortId);
}

/** "0x12ab…89ef". */
export function shortAddress(address: string): string {
  return `${address.slice(0, 6)}…${address.slice(-4)}`;
}

/** "12.4 Mpixel/s". */
export const pixelRate = (pixelsPerSecond: number): string =>
  `${plain(pixelsPerSecond / 1e6, 1)} Mpixel/s`;

/** "12.4 Mpixel/s, 1280 x 720 at 13 frames/s": a device's speed in terms of one familiar rung. */
export function speed(pixelsPerSecond: number): string {
  const frames = pixelsPerSecond / (1280 * 720);
  return `${pixelRate(pixelsPerSecond)}, 1280 x 720 at ${plain(frames, frames < 10 ? 1 : 0)} frames/s`;
}

/** "1 peer", "3 peers". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

const codecs: Record<string, string> = { avc: "H.264", vp9: "VP9", av1: "AV1" };
/** The name people know a codec by. */
export function codec(name: string): string {
  return codecs[name] ?? name;
}

/** The message of an error as the sentence it is: a capital letter and one full stop. */
export function sentence(text: string | undefined): string {
  const trimmed = (text ?? "").trim().replace(/\.+$/, "");
  return trimmed === "" ? "" : `${trimmed.charAt(0).toUpperCase()}${trimmed.slice(1)}.`;
}
