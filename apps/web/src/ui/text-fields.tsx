import { Field, inputClass } from "./parts.tsx";

interface TextProps {
  readonly label: string;
  readonly help: string;
  readonly error?: string | undefined;
  readonly value: string;
  readonly onChange: (text: string) => void;
}

/** One line of text, checked as it is typed. */
export function TextField({ label, help, error, value, onChange }: TextProps) {
  return (
    <Field label={label} help={help} error={error}>
      {(props) => (
        <input
          {...props}
          value={value}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => onChange(event.target.value)}
          className={`${inputClass} w-full`}
        />
      )}
    </Field>
  );
}

/** Ids or tokens, one a line: they are long, and differ at their ends. */
export function ListField({ label, help, error, value, onChange }: TextProps) {
  return (
    <Field label={label} help={help} error={error}>
      {(props) => (
        <textarea
          {...props}
          value={value}
          rows={2}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => onChange(event.target.value)}
          className={`${inputClass} block field-sizing-content max-h-48 w-full py-2 font-mono text-[0.8125rem] break-all`}
        />
      )}
    </Field>
  );
}
