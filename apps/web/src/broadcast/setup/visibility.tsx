import { Radio } from "@base-ui/react/radio";
import { RadioGroup } from "@base-ui/react/radio-group";
import type { Visibility } from "@tabcast/node/types";
import { useId } from "react";
import type { FormProps } from "./ladder.tsx";

const kinds: readonly { kind: Visibility; name: string; help: string }[] = [
  { kind: "public", name: "Public", help: "Everybody: it is on the list of live streams." },
  {
    kind: "unlisted",
    name: "Unlisted",
    help: "Whoever has the link: it is on no list. Those who work for it, and whoever reads its offers, can see its id, and so watch it.",
  },
  {
    kind: "private",
    name: "Private",
    help: "Only whoever has the link, which holds a key: its name, pictures and sound are encrypted. Only those to whom you give the crew link can work for it. What stays in sight: that this tab streams, when, and how much.",
  },
];

/** Chooses who can watch. */
export function WhoCanWatch({ form, change }: Pick<FormProps, "form" | "change">) {
  const id = useId();
  return (
    <div className="mt-5">
      <p id={id} className="text-[0.9375rem] font-medium">
        Who can watch
      </p>
      <RadioGroup
        aria-labelledby={id}
        value={form.visibility}
        onValueChange={(next) => change({ visibility: next as Visibility })}
        className="mt-1.5 grid gap-2"
      >
        {kinds.map(({ kind, name, help }) => (
          // biome-ignore lint/a11y/noLabelWithoutControl: Radio.Root holds the input
          <label
            key={kind}
            className="relative block cursor-pointer rounded-lg border border-line px-3 py-2.5 pr-10 has-data-checked:border-accent has-data-checked:bg-tint"
          >
            <Radio.Root
              value={kind}
              aria-label={name}
              aria-describedby={`${id}${kind}`}
              className="absolute top-3 right-3 flex size-4 items-center justify-center rounded-full border border-edge bg-panel data-checked:border-accent"
            >
              <Radio.Indicator className="size-2 rounded-full bg-accent" />
            </Radio.Root>
            <span className="block text-[0.9375rem] font-medium">{name}</span>
            <span id={`${id}${kind}`} className="block text-[0.8125rem] text-muted">
              {help}
            </span>
          </label>
        ))}
      </RadioGroup>
    </div>
  );
}
