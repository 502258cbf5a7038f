/** What the page shows, and how the URL says it. Whatever is not in the URL has its default. */

import { isDate, isZone } from "../time/dates";
import { PERIODS, type Period, type PeriodKind } from "../time/period";

export const COMPARISONS = ["previous", "week", "year", "none"] as const;
export type Comparison = (typeof COMPARISONS)[number];

/** The tiles that have a series, each of which can be the main chart. */
export const CHARTS = [
  "net_revenue",
  "orders",
  "avg_order_value",
  "conversion",
  "visitors",
  "views",
  "carts",
  "units",
] as const;
export type Chart = (typeof CHARTS)[number];

export const TABS = ["viewed", "carted", "grossing", "movers", "funnel", "pages"] as const;
export type Tab = (typeof TABS)[number];

/** What a ranking lists. */
export const GROUPINGS = ["item", "category", "brand"] as const;
export type Grouping = (typeof GROUPINGS)[number];

/** The measures of one item. */
export const MEASURES = [
  "views",
  "carts",
  "checkouts",
  "units",
  "sales",
  "net_sales",
  "refunds",
  "removals",
] as const;
export type Measure = (typeof MEASURES)[number];

export type Page = "overview" | "item" | "orders" | "site" | "pipeline";

export interface View {
  readonly page: Page;
  /** The item of the page `item`. */
  readonly item: string;
  /** `null` is the site of the key, or the first one. */
  readonly site: string | null;
  readonly period: Period;
  readonly compare: Comparison;
  /** `null` is the zone of the site. */
  readonly zone: string | null;
  /** `null` is the currency of the site. */
  readonly currency: string | null;
  readonly chart: Chart;
  readonly tab: Tab;
  readonly by: Grouping;
  readonly measure: Measure;
}

export const START: View = {
  page: "overview",
  item: "",
  site: null,
  period: { kind: "day" },
  compare: "previous",
  zone: null,
  currency: null,
  chart: "net_revenue",
  tab: "viewed",
  by: "item",
  measure: "views",
};

function oneOf<T extends string>(all: readonly T[], text: string | null, otherwise: T): T {
  return all.find((known) => known === text) ?? otherwise;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function periodOf(parameters: URLSearchParams): Period {
  const kind = oneOf<PeriodKind>(PERIODS, parameters.get("period"), START.period.kind);
  const date = (name: string) => {
    const text = parameters.get(name);
    return text !== null && isDate(text) ? text : undefined;
  };
  if (kind === "custom") return { kind, from: date("from"), until: date("until") };
  const at = date("at");
  return at === undefined ? { kind } : { kind, at };
}

/** Reads the fragment of the URL. Whatever it says that is unknown has its default. */
export function parseView(hash: string): View {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split(/\?(.*)/s);
  const parameters = new URLSearchParams(query);
  const [first = "", ...rest] = path.split("/");
  const page = oneOf<Page>(["orders", "site", "pipeline"], first, "overview");
  const item = first === "items" ? decoded(rest.join("/")) : "";
  const zone = parameters.get("tz");
  const currency = parameters.get("currency");
  return {
    page: item === "" ? page : "item",
    item,
    site: parameters.get("site_id"),
    period: periodOf(parameters),
    compare: oneOf(COMPARISONS, parameters.get("compare"), START.compare),
    zone: zone !== null && isZone(zone) ? zone : null,
    currency: currency !== null && /^[A-Z]{3}$/.test(currency) ? currency : null,
    chart: oneOf(CHARTS, parameters.get("chart"), START.chart),
    tab: oneOf(TABS, parameters.get("tab"), START.tab),
    by: oneOf(GROUPINGS, parameters.get("by"), START.by),
    measure: oneOf(MEASURES, parameters.get("measure"), START.measure),
  };
}

/** The fragment that {@link parseView} reads as this view. */
export function formatView(view: View): string {
  const parameters = new URLSearchParams();
  const add = (name: string, value: string | null | undefined, start: string | null = null) => {
    if (value !== undefined && value !== null && value !== start) parameters.set(name, value);
  };
  add("site_id", view.site);
  add("period", view.period.kind, START.period.kind);
  add("at", view.period.at);
  add("from", view.period.from);
  add("until", view.period.until);
  add("compare", view.compare, START.compare);
  add("tz", view.zone);
  add("currency", view.currency);
  add("chart", view.chart, START.chart);
  add("tab", view.tab, START.tab);
  add("by", view.by, START.by);
  if (view.page === "item") add("measure", view.measure, START.measure);
  const path = {
    overview: "",
    item: `items/${encodeURIComponent(view.item)}`,
    orders: "orders",
    site: "site",
    pipeline: "pipeline",
  }[view.page];
  const query = parameters.toString();
  return `#/${path}${query === "" ? "" : `?${query}`}`;
}
