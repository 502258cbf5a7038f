/** A measure over time, beside the period that it is compared with: an answer of `/history`. */

import type { Figure } from "../api/json";
import type { History } from "../api/types";
import { LineChart } from "../charts/line";
import { type Unit, rangeIn } from "../text/numbers";
import type { TableData } from "../text/table";

interface Props {
  readonly label: string;
  readonly unit: Unit;
  readonly data: History;
  readonly zone: string;
}

export function Course({ label, unit, data, zone }: Props) {
  const { periods, compare } = data;
  const isCompared = hasCompared(data);
  return (
    <>
      <Legend granularity={data.granularity} periods={periods} compare={compare} zone={zone} />
      <LineChart
        label={label}
        unit={unit}
        currency={data.currency ?? "USD"}
        granularity={data.granularity}
        periods={periods}
        series={periods.map(({ total }) => total)}
        comparedPeriods={isCompared ? periods.map(({ compared }) => compared ?? null) : null}
        compared={comparedOf(data)}
      />
    </>
  );
}

function hasCompared({ periods }: History): boolean {
  return periods.some(({ compared }) => compared !== undefined);
}

/** The series of the compared period; `null` without one. */
export function comparedOf(data: History): (Figure | null)[] | null {
  return hasCompared(data) ? data.periods.map(({ compared }) => compared?.total ?? null) : null;
}

/** The rows of a series, each with its number of the compared period. */
export function courseTable(name: string, unit: Unit, data: History): TableData {
  const { periods, currency } = data;
  const isCompared = hasCompared(data);
  const more = isCompared ? [{ label: "compared with" }, { label: "then", unit }] : [];
  return {
    columns: [{ label: "from" }, { label: name, unit }, ...more],
    rows: periods.map(({ from, total, compared }) => [
      from,
      total,
      ...(isCompared ? [compared?.from ?? null, compared?.total ?? null] : []),
    ]),
    currency,
  };
}

interface LegendProps {
  readonly granularity: string;
  readonly periods: readonly { readonly running: boolean }[];
  readonly compare: { readonly from: string; readonly to: string } | null | undefined;
  readonly zone: string;
}

/** Which line is which. */
export function Legend({ granularity, periods, compare, zone }: LegendProps) {
  return (
    <p class="legend muted">
      <span>
        <span class="key this" />
        this period
      </span>
      {compare && (
        <span>
          <span class="key other" />
          {rangeIn(zone, compare.from, compare.to)}
        </span>
      )}
      {periods.some(({ running }) => running) && (
        <span>
          <span class="key now" />
          {`this ${granularity} so far`}
        </span>
      )}
    </p>
  );
}
