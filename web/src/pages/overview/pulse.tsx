/** The views of the last 30 minutes, minute by minute. */

import { useMemo } from "preact/hooks";

import { pulse } from "../../api/calls";
import { useCall } from "../../api/resource";
import type { History } from "../../api/types";
import { Columns } from "../../charts/columns";
import { useScope } from "../../state/scope";
import { exact, timeIn } from "../../text/numbers";
import { Panel } from "../../ui/panel";
import { coveredNote } from "../covered";

/** As high as the main chart beside it. */
const COLUMNS_HEIGHT = 216;

export function PulsePanel() {
  const { scope } = useScope();
  const call = useMemo(() => pulse(scope), [scope]);
  const known = useCall(call);
  const sum = (data: History) =>
    data.periods.reduce((total, { total: views }) => total + Number(views), 0);
  return (
    <Panel
      title="Last 30 minutes"
      call={call}
      known={known}
      note={known.data && coveredNote(known.data, scope.zone)}
      table={(data) => ({
        columns: [{ label: "minute" }, { label: "views", unit: "count" }],
        rows: data.periods.map(({ from, total }) => [from, total]),
      })}
    >
      {(data) => (
        <>
          <p class="pulse-sum">
            <strong>{exact(sum(data))}</strong> <span class="muted">views</span>
          </p>
          <Columns
            label={`Views of items and pages in each of the last 30 minutes, ${sum(data)} in all`}
            unit="count"
            height={COLUMNS_HEIGHT}
            columns={data.periods.map(({ from, total, running }) => ({
              label: timeIn(scope.zone, from, false),
              value: total,
              running,
            }))}
          />
        </>
      )}
    </Panel>
  );
}
