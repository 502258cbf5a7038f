/** The page as a whole: the bar, the page that the URL names, and the dialogs. */

import { useCallback, useEffect, useMemo, useState } from "preact/hooks";

import { NEWEST, realtime, scopeOf, sites as sitesCall } from "./api/calls";
import { useCall, useChanges } from "./api/resource";
import { Bar } from "./bar/bar";
import { HelpDialog } from "./bar/help";
import { KeyDialog } from "./bar/key";
import { useKeyboard } from "./bar/keyboard";
import { SearchDialog } from "./bar/search";
import { ShareDialog } from "./bar/share";
import { ItemPage } from "./pages/item";
import { OrdersPage } from "./pages/orders";
import { OverviewPage } from "./pages/overview/overview";
import { PipelinePage } from "./pages/pipeline";
import { SitePage } from "./pages/site";
import { view } from "./state/location";
import { ScopeContext } from "./state/scope";
import { wantsKey } from "./state/session";
import { isolated } from "./text/visible";
import { todayIn } from "./time/period";
import { Toast } from "./ui/toast";

/** How often to check whether a new day has begun. */
const MIDNIGHT_MS = 30_000;

function useToday(zone: string): string {
  const [today, setToday] = useState(todayIn(zone));
  useEffect(() => {
    const look = () => setToday(todayIn(zone));
    look();
    const timer = setInterval(look, MIDNIGHT_MS);
    return () => clearInterval(timer);
  }, [zone]);
  return today;
}

export function App() {
  const shown = view.value;
  const known = useCall(useMemo(sitesCall, []));
  const sites = known.data?.sites ?? [];
  const isDefault = sites.some(({ site_id }) => site_id === "default");
  // Without a choice: events without a site, or, if there are none, the first site by name.
  const site = shown.site ?? (isDefault ? "default" : (sites[0]?.site_id ?? null));
  const found = sites.find(({ site_id }) => site_id === site);
  const zone = shown.zone ?? found?.time_zone ?? "UTC";
  const today = useToday(zone);
  const scope = useMemo(() => scopeOf(shown, site, zone, today), [shown, site, zone, today]);
  const context = useMemo(() => {
    const currency = shown.currency ?? found?.currency ?? null;
    return { scope, sites, isKnown: known.data !== null, currency };
  }, [scope, known.data]);
  const newest = shown.page === "orders" ? NEWEST.orders : NEWEST.overview;
  const socket = site === null ? null : (known.data?.live_url ?? null);
  useChanges(socket, useMemo(() => realtime(scope, newest), [scope, newest]));
  // The sites decide the zone and the currency: wait for them, but not if the call fails.
  const isReady = known.data !== null || known.failure !== null;
  return (
    <ScopeContext.Provider value={context}>
      <Frame isReady={isReady} />
    </ScopeContext.Provider>
  );
}

type Open = "search" | "help" | "share" | null;

const TITLES = {
  overview: "Overview",
  item: "Item",
  orders: "Orders",
  site: "Pages",
  pipeline: "Pipeline",
};

function Frame({ isReady }: { readonly isReady: boolean }) {
  const [open, setOpen] = useState<Open>(null);
  const close = useCallback(() => setOpen(null), []);
  const search = useCallback(() => setOpen("search"), []);
  const help = useCallback(() => setOpen("help"), []);
  const share = useCallback(() => setOpen("share"), []);
  useKeyboard(search, help);
  const { page, item } = view.value;
  useEffect(() => {
    const name = page === "item" ? isolated(item) : TITLES[page];
    document.title = `${name} · minutebook`;
  }, [page, item]);
  return (
    <>
      <a class="skip" href="#content" onClick={skip}>
        Skip to the numbers
      </a>
      <Bar onSearch={search} onHelp={help} onShare={share} />
      <main id="content" tabIndex={-1}>
        {isReady && <PageOf />}
      </main>
      {open === "search" && <SearchDialog onClose={close} />}
      {open === "share" && <ShareDialog onClose={close} />}
      {open === "help" && <HelpDialog onClose={close} />}
      {wantsKey.value !== null && <KeyDialog onClose={() => (wantsKey.value = null)} />}
      <Toast />
    </>
  );
}

/** The fragment of the URL is the view, so the link must not change it. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}

function PageOf() {
  switch (view.value.page) {
    case "overview":
      return <OverviewPage />;
    case "item":
      return <ItemPage key={view.value.item} />;
    case "orders":
      return <OrdersPage />;
    case "site":
      return <SitePage />;
    case "pipeline":
      return <PipelinePage />;
  }
}
