import * as Amounts from "@tabcast/tab/money";
import { type ReactNode, useId, useState } from "react";
import type { Words } from "../money-words.ts";
import { useUnit } from "../unit.ts";

/** A page's name and what it is for. */
export function Heading({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <header className="mb-6">
      <h1 className="text-2xl font-semibold tracking-tight sm:text-3xl">{title}</h1>
      {children !== undefined && <p className="mt-2 max-w-prose text-muted">{children}</p>}
    </header>
  );
}

/** A titled area of a page. */
export function Panel({
  title,
  aside,
  children,
  className = "",
}: {
  title?: string;
  aside?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  const id = useId();
  return (
    <section
      aria-labelledby={title === undefined ? undefined : id}
      className={`rounded-xl border border-line bg-panel p-4 sm:p-5 ${className}`}
    >
      {title !== undefined && (
        <div className="mb-3 flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
          <h2 id={id} className="text-base font-semibold">
            {title}
          </h2>
          {aside !== undefined && <div className="text-sm text-muted">{aside}</div>}
        </div>
      )}
      {children}
    </section>
  );
}

/** A labelled figure. The label is its accessible name; it changes too often to be read out by itself. */
export function Stat({
  label,
  children,
  note,
}: {
  label: string;
  children: ReactNode;
  note?: ReactNode;
}) {
  return (
    <div className="min-w-0">
      <div className="text-[0.8125rem] text-muted" aria-hidden="true">
        {label}
      </div>
      <output
        aria-label={label}
        aria-live="off"
        className="mt-0.5 block text-[1.0625rem] leading-snug font-medium [overflow-wrap:anywhere]"
      >
        {children}
      </output>
      {note !== undefined && <div className="mt-0.5 text-[0.8125rem] text-muted">{note}</div>}
    </div>
  );
}

/** Figures side by side, two columns on a phone. */
export function Stats({ children }: { children: ReactNode }) {
  return <div className="grid grid-cols-2 gap-x-6 gap-y-4 sm:grid-cols-4">{children}</div>;
}

const tones = {
  note: { box: "border-line bg-sunken", word: "" },
  warn: { box: "border-warn bg-warn-tint", word: "Note. " },
  bad: { box: "border-bad bg-bad-tint", word: "Problem. " },
} as const;

/** What happened, what is being done about it, what you can do. */
export function Notice({
  tone = "note",
  title,
  children,
  action,
}: {
  tone?: keyof typeof tones;
  title?: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  const { box, word } = tones[tone];
  return (
    <div
      role={tone === "bad" ? "alert" : "status"}
      className={`rounded-lg border px-4 py-3 text-[0.9375rem] [overflow-wrap:anywhere] ${box}`}
    >
      {word !== "" && <span className="sr-only">{word}</span>}
      {title !== undefined && <p className="font-semibold">{title}</p>}
      {children !== undefined && <div className="mt-0.5 text-muted">{children}</div>}
      {action !== undefined && <div className="mt-3 flex flex-wrap gap-2">{action}</div>}
    </div>
  );
}

/** Nothing here yet: why, and what to do. */
export function Empty({
  title,
  children,
  action,
  busy = false,
}: {
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  busy?: boolean;
}) {
  return (
    <div className="flex flex-col items-center rounded-xl border border-dashed border-edge px-6 py-14 text-center">
      {busy && <Spinner />}
      <p role="status" className="mt-3 text-lg font-medium">
        {title}
      </p>
      {children !== undefined && (
        <p className="mt-1 max-w-md text-[0.9375rem] text-muted">{children}</p>
      )}
      {action !== undefined && (
        <div className="mt-5 flex flex-wrap justify-center gap-2">{action}</div>
      )}
    </div>
  );
}

/** Something is under way. Its meaning is in the words beside it. */
export function Spinner({ className = "size-6" }: { className?: string }) {
  return (
    <svg
      viewBox="0 0 24 24"
      aria-hidden="true"
      className={`text-accent motion-safe:animate-spin ${className}`}
    >
      <circle
        cx="12"
        cy="12"
        r="9"
        fill="none"
        stroke="currentColor"
        strokeWidth="3"
        opacity=".25"
      />
      <path
        d="M21 12a9 9 0 0 0-9-9"
        fill="none"
        stroke="currentColor"
        strokeWidth="3"
        strokeLinecap="round"
      />
    </svg>
  );
}

/** A small word about a thing's state. */
export function Badge({
  children,
  tone = "plain",
}: {
  children: ReactNode;
  tone?: "plain" | "live" | "good" | "warn" | "bad";
}) {
  const look = {
    plain: "border-line text-muted",
    live: "border-transparent bg-accent text-on-accent",
    good: "border-transparent bg-tint text-accent",
    warn: "border-warn bg-warn-tint text-warn",
    bad: "border-bad bg-bad-tint text-bad",
  }[tone];
  return (
    <span
      className={`inline-flex items-center rounded-full border px-2 py-0.5 text-xs font-medium ${look}`}
    >
      {children}
    </span>
  );
}

/** An amount in few digits, to its last one by a click, and a sentence about it. In what pots pay in, unless `unit` says otherwise. */
export function Money({
  label,
  value,
  unit,
  says,
  big = false,
}: {
  label: string;
  value: bigint;
  unit?: Amounts.Unit;
  says?: string;
  big?: boolean;
}) {
  const [exact, setExact] = useState(false);
  const paidIn = useUnit();
  const amount = Amounts.of(value, unit ?? paidIn);
  const [few, last] = [Amounts.text(amount), Amounts.exact(amount)];
  return (
    <div className="min-w-0">
      <div className="text-[0.8125rem] text-muted" aria-hidden="true">
        {label}
      </div>
      <output
        aria-label={label}
        aria-live="off"
        data-parts={String(value)}
        className={`mt-0.5 block font-medium break-words ${exact ? "text-sm" : big ? "text-3xl tracking-tight" : "text-[1.0625rem]"}`}
      >
        {exact ? last : few}
      </output>
      {few !== last && (
        <button
          type="button"
          aria-pressed={exact}
          aria-label={`${label}: exact amount`}
          onClick={() => setExact(!exact)}
          className="mt-0.5 rounded text-[0.8125rem] text-accent underline underline-offset-2"
        >
          {exact ? "Rounded" : "Exact"}
        </button>
      )}
      {says !== undefined && <p className="mt-0.5 text-[0.8125rem] text-muted">{says}</p>}
    </div>
  );
}

/** A text to pass on, with a button that copies it. */
export function Copy({ label, text }: { label: string; text: string }) {
  const [said, say] = useState("");
  const id = useId();
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied");
    } catch {
      say("Could not copy. Select the text and copy it by hand.");
    }
    setTimeout(() => say(""), 4_000);
  };
  return (
    <div>
      <label htmlFor={id} className="text-[0.8125rem] text-muted">
        {label}
      </label>
      <div className="mt-1 flex gap-2">
        <input
          id={id}
          readOnly
          value={text}
          onFocus={(event) => event.currentTarget.select()}
          className={`${inputClass} min-w-0 flex-1 font-mono text-sm`}
        />
        <button
          type="button"
          onClick={() => void copy()}
          aria-label={`Copy ${label.toLowerCase()}`}
          className="min-h-11 rounded-lg border border-edge bg-panel px-4 text-sm font-medium hover:bg-sunken"
        >
          Copy
        </button>
      </div>
      <p role="status" className="mt-1 min-h-5 text-[0.8125rem] text-muted">
        {said}
      </p>
    </div>
  );
}

/** The look of a text field or a select. */
export const inputClass =
  "min-h-11 rounded-lg border border-edge bg-panel px-3 text-ink placeholder:text-muted disabled:opacity-60";

/** A labelled control with a word of help and, if need be, what is wrong with it. */
export function Field({
  label,
  help,
  error,
  children,
}: {
  label: string;
  help?: ReactNode;
  error?: string | undefined;
  children: (props: {
    id: string;
    "aria-describedby": string;
    "aria-invalid": boolean;
  }) => ReactNode;
}) {
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className="text-[0.9375rem] font-medium">
        {label}
      </label>
      <div className="mt-1.5">
        {children({ id, "aria-describedby": `${id}-help`, "aria-invalid": error !== undefined })}
      </div>
      <p
        id={`${id}-help`}
        className={`mt-1 text-[0.8125rem] ${error === undefined ? "text-muted" : "text-bad"}`}
      >
        {error ?? help}
      </p>
    </div>
  );
}

/** A table that scrolls inside its panel; browsers let the keyboard scroll it. */
export function Scroller({
  label,
  className = "max-h-96",
  children,
}: {
  label: string;
  className?: string;
  children: ReactNode;
}) {
  return (
    <section aria-label={label} className={`overflow-auto ${className}`}>
      {children}
    </section>
  );
}

/** What went wrong below a form, with the next step; nothing while nothing has. */
export function Failure({ said }: { said: Words | undefined }) {
  if (said === undefined) return null;
  return (
    <div className="mt-3">
      <Notice tone="bad" title={said.title}>
        {said.advice}
      </Notice>
    </div>
  );
}
