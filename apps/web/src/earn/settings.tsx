import * as Money from "@tabcast/tab/money";
import { MOST_JOBS } from "@tabcast/tab/settings";
import { Field, inputClass } from "../ui/parts.tsx";
import { ListField, TextField } from "../ui/text-fields.tsx";
import { useMoney } from "../unit.ts";
import type { Draft, Errors } from "./draft.ts";
import { PriceFields } from "./price-fields.tsx";

/** The fields of a worker's settings. */
export function SettingsFields({
  draft,
  errors,
  onChange,
}: {
  draft: Draft;
  errors: Errors;
  onChange: (next: Draft) => void;
}) {
  const { pay } = useMoney();
  const text = (
    field: "softCap" | "watchtowerShare" | "hours" | "allow" | "deny" | "tags" | "crews",
  ) => ({
    value: draft[field],
    error: errors[field],
    onChange: (value: string) => onChange({ ...draft, [field]: value }),
  });
  return (
    <div className="grid gap-x-5 gap-y-4 sm:grid-cols-2">
      <PriceFields
        price={draft.price}
        error={errors.price}
        onChange={(price) => onChange({ ...draft, price })}
      />
      <Field label="Jobs at once" help="Fewer leave more of this device to others.">
        {(props) => (
          <select
            {...props}
            value={draft.jobs}
            onChange={(event) => onChange({ ...draft, jobs: Number(event.target.value) })}
            className={`${inputClass} w-full`}
          >
            {Array.from({ length: MOST_JOBS }, (_, at) => at + 1).map((jobs) => (
              <option key={jobs}>{jobs}</option>
            ))}
          </select>
        )}
      </Field>
      <TextField
        label={`How much may be owed to you without a guarantee, in ${Money.name(pay)}`}
        help="By each stream; beyond it this tab waits for a guarantee. Empty: the pay of five segments, and what twenty claims cost at least."
        {...text("softCap")}
      />
      <TextField
        label="For a watchtower, in percent"
        help="What another tab may keep of what it claims for you late, when you are gone: 0 to 20. Empty: 5. Counts from the next start."
        {...text("watchtowerShare")}
      />
      <div className="space-y-3 sm:col-span-2">
        <TextField
          label="Hours"
          help="Such as 22:00-06:00, or Mon-Fri 18:00-23:00, Sat 9:00-24:00. Empty: at any time."
          {...text("hours")}
        />
        <label className="flex items-center gap-3 text-[0.9375rem]">
          <input
            type="checkbox"
            checked={draft.onlyWhenCharging}
            onChange={(event) => onChange({ ...draft, onlyWhenCharging: event.target.checked })}
            className="size-5 shrink-0 accent-[var(--accent)]"
          />
          Only while this device charges, where its browser can tell
        </label>
      </div>
      <ListField
        label="Work only for"
        help="Streams' ids, as in a Watch link, or broadcasters' peer ids. Empty: for anybody."
        {...text("allow")}
      />
      <ListField
        label="Never work for"
        help="Ids of the same kind. A name on both lists is never worked for."
        {...text("deny")}
      />
      <TextField
        label="Tags"
        help="What this tab says it can do, such as eu or gpu. Some streams ask for one."
        {...text("tags")}
      />
      <ListField
        label="Private crews"
        help="The tokens of crews you belong to; their broadcaster gives them. Keep them secret."
        {...text("crews")}
      />
    </div>
  );
}
