/** Items by views, carts and sales, what moved, the funnel, and pages: a call for the tab shown. */

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";

import { RANKINGS, ranking, stats } from "../../api/calls";
import { useCall } from "../../api/resource";
import type { Ranking, RankedItem } from "../../api/types";
import { useScope } from "../../state/scope";
import { show, view } from "../../state/location";
import type { Tab } from "../../state/view";
import { Bars } from "../../ui/bars";
import { ItemLink } from "../../ui/item_link";
import { Panel } from "../../ui/panel";
import { Tabs } from "../../ui/tabs";
import { coveredNote } from "../covered";
import { PageBars } from "../page_bars";
import { FunnelPanel } from "./funnel";
import { MoversPanel } from "./movers";

const TABS: readonly (readonly [Tab, string])[] = [
  ["viewed", "Viewed"],
  ["carted", "Carted"],
  ["grossing", "Grossing"],
  ["movers", "Movers"],
  ["funnel", "Funnel"],
  ["pages", "Pages"],
];

const COLUMNS = { viewed: "views", carted: "added to carts", grossing: "sales" };

export function ItemsPanel() {
  const { tab } = view.value;
  if (tab === "pages") return <PagesPanel tabs={<ItemTabs />} />;
  if (tab === "movers") return <MoversPanel tabs={<ItemTabs />} />;
  if (tab === "funnel") return <FunnelPanel tabs={<ItemTabs />} />;
  return <RankingPanel tab={tab} />;
}

function ItemTabs() {
  return (
    <Tabs label="Ranking" tabs={TABS} chosen={view.value.tab} onChoose={(tab) => show({ tab })} />
  );
}

function RankingPanel({ tab }: { readonly tab: keyof typeof RANKINGS }) {
  const { scope } = useScope();
  const call = useMemo(() => ranking(scope, tab), [scope, tab]);
  const known = useCall(call);
  const { member } = RANKINGS[tab];
  const unit = tab === "grossing" ? "money" : "count";
  const value = (item: RankedItem) => item[member] ?? 0;
  const other = (data: Ranking) => data.other?.[member];
  return (
    <Panel
      title="Items"
      tabs={<ItemTabs />}
      call={call}
      known={known}
      note={known.data && coveredNote(known.data, scope.zone)}
      table={(data) => ({
        columns: [{ label: "item" }, { label: COLUMNS[tab], unit }],
        rows: data.top.map((item) => [String(item.item_id), value(item)]),
        currency: data.currency,
      })}
    >
      {(data) =>
        data.top.length === 0 ? (
          <p class="nothing">Nothing {tab === "grossing" ? "sold" : tab} in this period.</p>
        ) : (
          <>
            <Bars
              unit={unit}
              currency={data.currency}
              bars={data.top.map((item) => ({
                id: String(item.item_id),
                name: <ItemLink id={String(item.item_id)} />,
                value: value(item),
              }))}
            />
            {other(data) !== undefined && (
              <p class="muted">And {String(other(data))} of items without a name.</p>
            )}
          </>
        )
      }
    </Panel>
  );
}

const PAGES_SHOWN = 10;

function PagesPanel({ tabs }: { readonly tabs: ComponentChildren }) {
  const { scope } = useScope();
  const call = useMemo(() => stats(scope, PAGES_SHOWN), [scope]);
  const known = useCall(call);
  return (
    <Panel
      title="Pages"
      tabs={tabs}
      call={call}
      known={known}
      note={known.data && coveredNote(known.data, scope.zone)}
      table={(data) => ({
        columns: [{ label: "page" }, { label: "views", unit: "count" }],
        rows: data.top_paths.map(({ path, views }) => [path, views]),
      })}
    >
      {({ top_paths }) => <PageBars pages={top_paths.map(({ path, views }) => [path, views])} />}
    </Panel>
  );
}
