/** The items whose numbers rose and fell most against the compared period. */

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";

import { movers } from "../../api/calls";
import { useCall } from "../../api/resource";
import type { Mover, Movers } from "../../api/types";
import { useScope } from "../../state/scope";
import { changeOf, exact, rangeIn } from "../../text/numbers";
import { ItemLink, nameOf } from "../../ui/item_link";
import { Panel } from "../../ui/panel";

export function MoversPanel({ tabs }: { readonly tabs: ComponentChildren }) {
  const { scope } = useScope();
  const call = useMemo(() => movers(scope), [scope]);
  const known = useCall(call);
  const { data } = known;
  const note = (data: Movers) =>
    `Views, against ${rangeIn(scope.zone, data.compare.from, data.compare.to)}; items with few ` +
    "views are taken to have changed as all did";
  return (
    <Panel
      title="Movers"
      tabs={tabs}
      call={call}
      known={known}
      note={data && note(data)}
      table={({ rising, falling }) => ({
        columns: [
          { label: "item" },
          { label: "views", unit: "count" },
          { label: "views then", unit: "count" },
          { label: "change", unit: "ratio" },
        ],
        rows: [...rising, ...falling].map((mover) => [
          nameOf(mover),
          mover.value,
          mover.compared,
          mover.change,
        ]),
      })}
    >
      {({ rising, falling }) => (
        <div class="movers">
          <List title="Rising" movers={rising} />
          <List title="Falling" movers={falling} />
        </div>
      )}
    </Panel>
  );
}

interface ListProps {
  readonly title: string;
  readonly movers: readonly Mover[];
}

function List({ title, movers }: ListProps) {
  return (
    <div>
      <h3>{title}</h3>
      {movers.length === 0 ? (
        <p class="nothing">None.</p>
      ) : (
        <ol class="bars">
          {movers.map((mover) => {
            const { item_id, value, compared } = mover;
            const change = changeOf(value, compared);
            return (
              <li key={item_id}>
                <span class="name">
                  <ItemLink item={mover} />
                </span>
                <span class="muted">
                  {exact(compared)} → {exact(value)}
                </span>
                {change && <span class={`change ${change.direction}`}>{change.text}</span>}
              </li>
            );
          })}
        </ol>
      )}
    </div>
  );
}
