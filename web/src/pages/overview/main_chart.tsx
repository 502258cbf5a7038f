/** The chosen measure over the period, beside the period that it is compared with. */

import type { Call, Known } from "../../api/resource";
import type { Overview } from "../../api/types";
import { LineChart } from "../../charts/line";
import { view } from "../../state/location";
import { useScope } from "../../state/scope";
import type { TableData } from "../../text/table";
import { Panel } from "../../ui/panel";
import { Legend } from "../course";
import { coveredNote } from "../covered";
import { DESCRIPTIONS } from "./charts";

interface Props {
  readonly call: Call<Overview>;
  readonly known: Known<Overview>;
}

export function MainChart({ call, known }: Props) {
  const { scope } = useScope();
  const { chart } = view.value;
  const { name, unit } = DESCRIPTIONS[chart];
  const table = (data: Overview): TableData => {
    const { series = [], compared_series: compared = null } = data.tiles[chart] ?? {};
    const times = data.compared_periods;
    const length = Math.max(data.periods.length, times?.length ?? 0);
    const rows = Array.from({ length }, (_, index) => {
      const before = times?.[index]?.from ?? null;
      const more = compared === null ? [] : [before, compared?.[index] ?? null];
      return [data.periods[index]?.from ?? null, series[index] ?? null, ...more];
    });
    const more = compared === null ? [] : [{ label: "compared with" }, { label: "then", unit }];
    return {
      columns: [{ label: "from" }, { label: name, unit }, ...more],
      rows,
      currency: data.currency,
    };
  };
  return (
    <Panel
      title={name}
      class="wide"
      call={call}
      known={known}
      table={table}
      note={known.data && coveredNote(known.data, scope.zone)}
    >
      {(data) => {
        const tile = data.tiles[chart];
        return (
          <>
            <Legend
              granularity={data.granularity}
              periods={data.periods}
              compare={data.compare}
              zone={scope.zone}
            />
            <LineChart
              key={chart}
              label={name}
              unit={unit}
              currency={data.currency}
              granularity={data.granularity}
              periods={data.periods}
              series={tile?.series ?? []}
              comparedPeriods={data.compared_periods}
              compared={tile?.compared_series ?? null}
            />
          </>
        );
      }}
    </Panel>
  );
}
