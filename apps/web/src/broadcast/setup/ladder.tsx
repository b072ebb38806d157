import type { CodecName } from "@tabcast/media";
import * as format from "../../format.ts";
import { Field, inputClass } from "../../ui/parts.tsx";
import type { Form, Reading } from "./form.ts";

export interface FormProps {
  readonly form: Form;
  readonly reading: Reading;
  readonly change: (change: Partial<Form>) => void;
}

/** Chooses the rungs; `open` once there is a source to choose them for. */
export function Rungs({ form, reading: { ladder }, change, open }: FormProps & { open: boolean }) {
  return (
    <>
      {!open ? (
        <p className="text-[0.9375rem] text-muted">
          Choose what to show first: no rung is larger than its source.
        </p>
      ) : ladder.length === 0 ? (
        <p className="text-[0.9375rem] text-muted">
          This source is smaller than every rung, so only the source itself is shown.
        </p>
      ) : (
        <fieldset>
          <legend className="sr-only">Rungs</legend>
          <div className="grid gap-2 sm:grid-cols-2">
            {ladder.map((rung) => (
              <label
                key={rung.name}
                className="flex items-center gap-3 rounded-lg border border-line px-3 py-2.5"
              >
                <input
                  type="checkbox"
                  aria-label={rung.name}
                  checked={!form.left.has(rung.name)}
                  onChange={() => {
                    const next = new Set(form.left);
                    if (!next.delete(rung.name)) next.add(rung.name);
                    change({ left: next });
                  }}
                  className="size-5 accent-[var(--accent)]"
                />
                <span className="text-[0.9375rem]">
                  <span className="font-medium">{rung.name}</span>{" "}
                  <span className="text-muted">{format.rung(rung)}</span>
                </span>
              </label>
            ))}
          </div>
        </fieldset>
      )}
    </>
  );
}

/** Chooses the codec and how many workers encode. */
export function Encoding({ form, reading: { wanted, badWorkers }, change }: FormProps) {
  return (
    <div className="mt-4 grid gap-4 sm:grid-cols-2">
      <Field label="Codec" help="H.264 plays everywhere and costs least.">
        {(props) => (
          <select
            {...props}
            value={form.codec}
            onChange={(event) => change({ codec: event.target.value as CodecName })}
            className={`${inputClass} w-full`}
          >
            <option value="avc">H.264</option>
            <option value="vp9">VP9</option>
            <option value="av1">AV1</option>
          </select>
        )}
      </Field>
      <Field
        label="Workers"
        error={badWorkers}
        help={
          wanted === 0
            ? "This tab encodes everything itself."
            : "Hired at once; a backup waits beside them."
        }
      >
        {(props) => (
          <input
            {...props}
            inputMode="numeric"
            value={form.workers}
            onChange={(event) => change({ workers: event.target.value.trim() })}
            className={`${inputClass} w-full`}
          />
        )}
      </Field>
    </div>
  );
}
