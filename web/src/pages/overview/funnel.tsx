/** How far visitors got, from viewing to buying, and the items that lose most of their views. */

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";

import { funnel } from "../../api/calls";
import { useCall } from "../../api/resource";
import type { Funnel, FunnelItem } from "../../api/types";
import { useScope } from "../../state/scope";
import { exact } from "../../text/numbers";
import { Bars } from "../../ui/bars";
import { ItemLink } from "../../ui/item_link";
import { Panel } from "../../ui/panel";
import { coveredNote } from "../covered";

const STAGES: Record<string, string> = {
  viewed: "Viewed",
  carted: "Added to a cart",
  began_checkout: "Began a checkout",
  bought: "Bought",
};

export function FunnelPanel({ tabs }: { readonly tabs: ComponentChildren }) {
  const { scope } = useScope();
  const call = useMemo(() => funnel(scope), [scope]);
  const known = useCall(call);
  const { data } = known;
  return (
    <Panel
      title="Funnel"
      tabs={tabs}
      call={call}
      known={known}
      note={data && [coveredNote(data, scope.zone), ...doubts(data)].join("; ")}
      table={table}
    >
      {({ stages, items }) => (
        <div class="movers">
          <div>
            <h3>Visitors</h3>
            <Bars
              unit="count"
              bars={stages.map(({ stage, visitors }) => ({
                id: stage,
                name: STAGES[stage] ?? stage,
                value: visitors.count,
                ...(visitors.of_previous !== null && {
                  aside: exact(visitors.of_previous, "ratio"),
                }),
              }))}
            />
          </div>
          <div>
            <h3>Largest drop-off</h3>
            <Losers items={items} />
          </div>
        </div>
      )}
    </Panel>
  );
}

/** What the reader should know about the numbers of visitors. */
function doubts({ error, stages_complete }: Funnel): string[] {
  const isEstimate = error > 0 ? [`visitors within ${exact(error, "ratio")}`] : [];
  const isPartial = "some visitors are from before stages were counted";
  return stages_complete ? isEstimate : [...isEstimate, isPartial];
}

function Losers({ items }: { readonly items: readonly FunnelItem[] }) {
  if (items.length === 0) return <p class="nothing">None.</p>;
  return (
    <ol class="bars">
      {items.map((item) => (
        <li key={item.item_id}>
          <span class="name">
            <ItemLink item={item} />
          </span>
          <span class="muted">
            {exact(item.views)} viewed, {exact(item.units)} bought
          </span>
        </li>
      ))}
    </ol>
  );
}

function table({ stages }: Funnel) {
  const [count, ratio] = ["count" as const, "ratio" as const];
  return {
    columns: [
      { label: "stage" },
      { label: "visitors", unit: count },
      { label: "of those before", unit: ratio },
      { label: "sessions", unit: count },
      { label: "of sessions before", unit: ratio },
    ],
    rows: stages.map(({ stage, visitors, sessions }) => [
      STAGES[stage] ?? stage,
      visitors.count,
      visitors.of_previous,
      sessions.count,
      sessions.of_previous,
    ]),
  };
}
