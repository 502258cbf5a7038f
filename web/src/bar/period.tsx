/** Choosing a period, and moving in time. */

import { useScope } from "../state/scope";
import { show, view } from "../state/location";
import { LOCALE } from "../text/locale";
import { type PeriodKind, labelOf, moved } from "../time/period";
import { isDate, plusDays } from "../time/dates";
import { Left, Right } from "../ui/icons";

const KINDS: readonly (readonly [PeriodKind, string])[] = [
  ["day", "Day"],
  ["week", "Week"],
  ["month", "Month"],
  ["year", "Year"],
  ["custom", "Custom"],
];

/** Shows another kind of period, around the same dates. */
export function showKind(kind: PeriodKind, from: string, to: string, isCurrent: boolean): void {
  const last = plusDays(to, -1);
  if (kind === "custom") show({ period: { kind, from, until: last } });
  else show({ period: isCurrent ? { kind } : { kind, at: from } });
}

/** Shows the period this many periods later, if it has begun. */
export function move(by: number, today: string): void {
  const period = moved(view.value.period, by, today);
  if (period !== null) show({ period });
}

export function PeriodPicker() {
  const { scope } = useScope();
  const { range, today, isCurrent } = scope;
  const { period } = view.value;
  const label = labelOf(period, today, LOCALE);
  const setDates = (from: string, until: string) => {
    if (isDate(from) && isDate(until)) show({ period: { kind: "custom", from, until } });
  };
  const last = plusDays(range.to, -1);
  return (
    <div class="periods">
      <div class="segments" role="group" aria-label="Period">
        {KINDS.map(([kind, name]) => (
          <button
            type="button"
            aria-pressed={kind === period.kind}
            onClick={() => showKind(kind, range.from, range.to, isCurrent)}
          >
            {name}
          </button>
        ))}
      </div>
      <div class="when">
        <button
          type="button"
          class="quiet icon-only"
          aria-label="Earlier"
          title="Earlier (←)"
          onClick={() => move(-1, today)}
        >
          <Left />
        </button>
        {period.kind === "custom" ? (
          <span class="dates">
            <input
              type="date"
              aria-label="First day"
              value={range.from}
              max={last}
              onChange={(event) => setDates(event.currentTarget.value, last)}
            />
            <span class="muted">to</span>
            <input
              type="date"
              aria-label="Last day"
              value={last}
              min={range.from}
              onChange={(event) => setDates(range.from, event.currentTarget.value)}
            />
          </span>
        ) : (
          <span class="when-label" aria-live="polite">
            {label}
          </span>
        )}
        <button
          type="button"
          class="quiet icon-only"
          aria-label="Later"
          title="Later (→)"
          disabled={moved(period, 1, today) === null}
          onClick={() => move(1, today)}
        >
          <Right />
        </button>
      </div>
    </div>
  );
}
