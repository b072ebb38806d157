import type { ButtonHTMLAttributes } from "react";

export type Look = "main" | "plain" | "quiet" | "stop";

const looks: Record<Look, string> = {
  main: "bg-accent text-on-accent hover:bg-accent-strong",
  plain: "border border-edge bg-panel text-ink hover:bg-sunken",
  quiet: "text-ink hover:bg-sunken",
  stop: "border border-bad bg-panel text-bad hover:bg-bad-tint",
};

/** The classes of a button, for links that look like one. */
export function buttonClass(look: Look = "plain"): string {
  return `inline-flex min-h-11 items-center justify-center gap-2 rounded-lg px-4 py-2 text-[0.9375rem] font-medium transition-colors disabled:cursor-not-allowed disabled:opacity-55 ${looks[look]}`;
}

/** A button of at least 44 pixels, so that a thumb finds it. */
export function Button({
  look = "plain",
  className = "",
  type = "button",
  ...rest
}: ButtonHTMLAttributes<HTMLButtonElement> & { look?: Look }) {
  return <button type={type} className={`${buttonClass(look)} ${className}`} {...rest} />;
}
