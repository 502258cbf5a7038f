/** The site: its views over time, visitors, and pages. Three calls. */

import { useMemo } from "preact/hooks";

import { history, metrics, stats } from "../api/calls";
import { useCall } from "../api/resource";
import { useScope } from "../state/scope";
import { exact, timeIn } from "../text/numbers";
import { Figures } from "../ui/figures";
import { Panel } from "../ui/panel";
import { Course, courseTable } from "./course";
import { coveredNote } from "./covered";
import { PageBars } from "./page_bars";

const PAGES_SHOWN = 25;

export function SitePage() {
  const { scope } = useScope();
  const statsCall = useMemo(() => stats(scope, PAGES_SHOWN), [scope]);
  const metricsCall = useMemo(() => metrics(scope), [scope]);
  const viewsCall = useMemo(() => history(scope, "views", null), [scope]);
  const known = useCall(statsCall);
  const now = useCall(metricsCall);
  const views = useCall(viewsCall);
  return (
    <>
      <h1 class="unseen">Pages of the site</h1>
      <Figures
        label="Key figures of the site"
        figures={[
          ["Views", known.data && exact(known.data.total_views)],
          ["Visitors", known.data && exact(known.data.unique_users)],
          ["Active now", now.data && exact(now.data.active_users)],
          ["Sessions now", now.data && exact(now.data.active_sessions)],
        ]}
      />
      <div class="grid">
        <Panel
          title="Views of items"
          class="full"
          call={viewsCall}
          known={views}
          note={views.data && coveredNote(views.data, scope.zone)}
          table={(data) => courseTable("views", "count", data)}
        >
          {(data) => <Course label="Views of items" unit="count" data={data} zone={scope.zone} />}
        </Panel>
        <Panel
          title="Pages viewed most"
          call={statsCall}
          known={known}
          note={known.data && coveredNote(known.data, scope.zone)}
          table={({ top_paths }) => ({
            columns: [{ label: "page" }, { label: "views", unit: "count" }],
            rows: top_paths.map(({ path, views }) => [path, views]),
          })}
        >
          {({ top_paths }) => <PageBars pages={top_paths.map((page) => [page.path, page.views])} />}
        </Panel>
        <Panel
          title="Pages viewed now"
          call={metricsCall}
          known={now}
          note={now.data && `Since ${timeIn(scope.zone, now.data.windows.views.from, false)}`}
          table={({ top_pages }) => ({
            columns: [{ label: "page" }, { label: "views", unit: "count" }],
            rows: top_pages.map(({ page, views }) => [page, views]),
          })}
        >
          {({ top_pages }) => <PageBars pages={top_pages.map((page) => [page.page, page.views])} />}
        </Panel>
      </div>
    </>
  );
}
