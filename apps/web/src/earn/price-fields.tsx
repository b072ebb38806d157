import { useState } from "react";
import { MAX_PRICE } from "../budget.ts";
import * as Money from "@tabcast/tab/money";
import * as Price from "../price.ts";
import { TextField } from "../ui/text-fields.tsx";
import { useUnit } from "../unit.ts";

/** The price that was typed, as what an hour costs at it; empty where it cannot be read. */
function hourOf(price: string, unit: Money.Unit): string {
  try {
    return Money.roughly(Money.of(Price.ofHour(Price.parse(price, unit)), unit));
  } catch {
    return "";
  }
}

/** The price by the hour of one familiar rung, and for who wants it exactly, by the gigapixel. */
export function PriceFields({
  price,
  error,
  onChange,
}: {
  /** Per gigapixel. */
  price: string;
  error: string | undefined;
  onChange: (price: string) => void;
}) {
  const unit = useUnit();
  const [hour, setHour] = useState<string>();
  const amount = hour === undefined ? undefined : Money.parse(hour, unit);
  const wrong = hour !== undefined && amount === undefined;
  const most = Money.roughly(Money.of(Price.ofHour(MAX_PRICE), unit));
  return (
    <div className="space-y-3">
      <TextField
        label={`Price of an hour, in ${unit.symbol}`}
        help={`Of 1280 x 720 at 30 frames/s; other rungs by their pixels. Broadcasters usually pay at most ${most} ${unit.symbol}.`}
        error={wrong ? `An amount in ${unit.symbol} above 0, such as 0.0001.` : undefined}
        value={hour ?? hourOf(price, unit)}
        onChange={(typed) => {
          setHour(typed);
          const read = Money.parse(typed, unit);
          onChange(read === undefined ? "" : Price.typed(Price.forHour(read.value), unit));
        }}
      />
      <details>
        <summary className="rounded text-[0.8125rem] text-accent">The exact price</summary>
        <div className="mt-2">
          <TextField
            label={`Price of a gigapixel, in ${unit.symbol}`}
            help="Of what is made: width times height times frames, over all rungs."
            error={wrong ? undefined : error}
            value={price}
            onChange={(typed) => {
              setHour(undefined);
              onChange(typed);
            }}
          />
        </div>
      </details>
    </div>
  );
}
