/** Items by views, carts and sales, what moved, the funnel, and pages: a call for the tab shown. */

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";

import { RANKINGS, type RankingTab, groupRanking, ranking, stats } from "../../api/calls";
import type { Figure } from "../../api/json";
import { useCall } from "../../api/resource";
import type { Ranked } from "../../api/types";
import { useScope } from "../../state/scope";
import { show, view } from "../../state/location";
import { GROUPINGS, type Tab } from "../../state/view";
import { changeOf, exact } from "../../text/numbers";
import { visible } from "../../text/visible";
import { Bars } from "../../ui/bars";
import { ItemLink, nameOf } from "../../ui/item_link";
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
  const { tab, by } = view.value;
  if (tab === "pages") return <PagesPanel tabs={<ItemTabs />} />;
  if (tab === "movers") return <MoversPanel tabs={<ItemTabs />} />;
  if (tab === "funnel") return <FunnelPanel tabs={<ItemTabs />} />;
  return by === "item" ? <RankingPanel tab={tab} /> : <GroupsPanel tab={tab} by={by} />;
}

function ItemTabs() {
  return (
    <Tabs label="Ranking" tabs={TABS} chosen={view.value.tab} onChoose={(tab) => show({ tab })} />
  );
}

const UNITS = { viewed: "count", carted: "count", grossing: "money" } as const;

interface RankingProps {
  readonly tab: RankingTab;
}

function RankingPanel({ tab }: RankingProps) {
  const { scope } = useScope();
  const call = useMemo(() => ranking(scope, tab), [scope, tab]);
  const known = useCall(call);
  const value = (item: Ranked) => item[RANKINGS[tab].member] ?? 0;
  return (
    <Panel
      title="Items"
      tabs={<RankingTabs />}
      call={call}
      known={known}
      note={known.data && coveredNote(known.data, scope.zone)}
      table={(data) => ({
        columns: [{ label: "item" }, { label: COLUMNS[tab], unit: UNITS[tab] }],
        rows: data.top.map((item) => [nameOf(item), value(item)]),
        currency: data.currency,
      })}
    >
      {(data) =>
        data.top.length === 0 ? (
          <Nothing tab={tab} />
        ) : (
          <>
            <Bars
              unit={UNITS[tab]}
              currency={data.currency}
              bars={data.top.map((item) => ({
                id: String(item.item_id),
                name: <ItemLink item={item} />,
                value: value(item),
                ...change(value(item), item),
              }))}
            />
            <Other data={data} value={value} />
          </>
        )
      }
    </Panel>
  );
}

const GROUPS = {
  category: { title: "Categories", none: "in no category", of: "category" },
  brand: { title: "Brands", none: "of no brand", of: "brand" },
} as const;

function GroupsPanel({ tab, by }: RankingProps & { readonly by: keyof typeof GROUPS }) {
  const { scope } = useScope();
  const call = useMemo(() => groupRanking(scope, tab, by), [scope, tab, by]);
  const known = useCall(call);
  const { title, none, of } = GROUPS[by];
  const value = (group: Ranked) => group[RANKINGS[tab].member] ?? 0;
  return (
    <Panel
      title={title}
      tabs={<RankingTabs />}
      call={call}
      known={known}
      note={known.data && coveredNote(known.data, scope.zone)}
      table={(data) => ({
        columns: [{ label: by }, { label: COLUMNS[tab], unit: UNITS[tab] }],
        rows: data.top.map((group) => [group[of] ?? "", value(group)]),
        currency: data.currency,
      })}
    >
      {(data) =>
        data.top.length === 0 && data.ungrouped === undefined ? (
          <Nothing tab={tab} />
        ) : (
          <>
            <Bars
              unit={UNITS[tab]}
              currency={data.currency}
              bars={data.top.map((group) => ({
                id: group[of] ?? "",
                name: <bdi>{visible(group[of] ?? "")}</bdi>,
                value: value(group),
                ...change(value(group), group),
              }))}
            />
            {data.ungrouped && (
              <p class="muted">
                And {exact(value(data.ungrouped), UNITS[tab], data.currency)} of items that the
                catalogue puts {none}
                {data.top.length === 0 && (
                  <>
                    : put one with <code>minutebook catalogue put items.csv</code>
                  </>
                )}
                .
              </p>
            )}
            <Other data={data} value={value} />
          </>
        )
      }
    </Panel>
  );
}

/** By how much a number differs from that of the compared period, if there is one. */
function change(value: Figure, { compared }: Ranked): { aside?: string } {
  const change = changeOf(value, compared);
  return change === null ? {} : { aside: change.text };
}

function Nothing({ tab }: RankingProps) {
  return <p class="nothing">Nothing {tab === "grossing" ? "sold" : tab} in this period.</p>;
}

interface OtherProps {
  readonly data: { readonly other?: Ranked };
  readonly value: (other: Ranked) => Figure;
}

function Other({ data, value }: OtherProps) {
  if (data.other === undefined) return null;
  return <p class="muted">And {String(value(data.other))} of items without a name.</p>;
}

const CHOICES = { item: "By item", category: "By category", brand: "By brand" };

/** The tabs, and whether items are listed or groups of them. */
function RankingTabs() {
  return (
    <div class="ranking-head">
      <ItemTabs />
      <select
        aria-label="Rank by"
        value={view.value.by}
        onChange={(event) => {
          const { value } = event.currentTarget;
          const by = GROUPINGS.find((by) => by === value);
          if (by) show({ by });
        }}
      >
        {GROUPINGS.map((by) => (
          <option key={by} value={by}>
            {CHOICES[by]}
          </option>
        ))}
      </select>
    </div>
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
