import * as Money from "@tabcast/tab/money";
import { parseAmount, usualPrice } from "@tabcast/tab/settings";
import { useState } from "react";
import * as Price from "../price.ts";
import { TextField } from "../ui/text-fields.tsx";
import { useMoney } from "../unit.ts";

/** The price that was typed, as what an hour costs at it; empty where it cannot be read. */
function hourOf(price: string, unit: Money.Unit): string {
  try {
    return Money.roughly(Money.of(Price.ofHour(parseAmount("price", price, unit)), unit));
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
  const { pay: unit, currency } = useMoney();
  const name = Money.name(unit);
  const [hour, setHour] = useState<string>();
  const amount = hour === undefined ? undefined : Money.parse(hour, unit);
  const wrong = hour !== undefined && amount === undefined;
  const usual = Money.of(Price.ofHour(usualPrice(currency)), unit);
  return (
    <div className="space-y-3">
      <TextField
        label={`Price of an hour, in ${name}`}
        help={`Of 1280 x 720 at 30 frames/s; other rungs by their pixels. Broadcasters usually pay at most ${Money.text(usual, "up")}.`}
        error={wrong ? `An amount in ${name} above 0, such as ${Money.roughly(usual)}.` : undefined}
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
            label={`Price of a gigapixel, in ${name}`}
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
