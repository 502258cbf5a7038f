/** A measure over time, beside the period that it is compared with: an answer of `/history`. */

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
  const isCompared = periods.some(({ compared }) => compared !== undefined);
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
        compared={isCompared ? periods.map(({ compared }) => compared?.total ?? null) : null}
      />
    </>
  );
}

/** The rows of a series; those of the compared period are in the same rows. */
export function courseTable(name: string, unit: Unit, { periods, currency }: History): TableData {
  const isCompared = periods.some(({ compared }) => compared !== undefined);
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
