/** The calls that the pages make, for a view. */

import { now } from "../time/clock";
import { daysBetween, plusDays, startOf, timeText } from "../time/dates";
import {
  type Range,
  type Window,
  comparedFrom,
  isCurrent,
  rangeOf,
  windowOf,
} from "../time/period";
import type { Grouping, Measure, View } from "../state/view";
import type { Question } from "./client";
import type { Call } from "./resource";
import type * as types from "./types";

/** A view together with what the site decides. */
export interface Scope {
  readonly view: View;
  readonly site: string | null;
  readonly zone: string;
  readonly today: string;
  readonly range: Range;
  /** Whether the numbers of the period still grow. */
  readonly isCurrent: boolean;
}

const SECOND = 1_000;
/** How soon to ask for the key figures again when something has changed. */
const SOON_MS = 1_500;
/** How often to ask for numbers that still grow, and for those that can only be corrected. */
const LIVE_MS = 5 * SECOND;
const SLOW_MS = 15 * SECOND;
const SELDOM_MS = 60 * SECOND;

/** The longest windows of the calls: docs/API.md. */
const MINUTES_OF_400_DAYS = 400 * 24 * 60;
const MINUTES_OF_7_DAYS = 7 * 24 * 60;

/** A page of `/reconcile` holds at least this many days in every zone. */
const DAYS_SHOWN = 31;

export function scopeOf(view: View, site: string | null, zone: string, today: string): Scope {
  const { period } = view;
  const [range, isNow] = [rangeOf(period, today), isCurrent(period, today)];
  return { view, site, zone, today, range, isCurrent: isNow };
}

/** How many of the newest orders the pages show. */
export const NEWEST = { overview: 10, orders: 20 };

function call<T>(
  path: string,
  parameters: Record<string, string | null>,
  everyMs: number,
  late?: () => Record<string, string | null>,
): Call<T> {
  return {
    name: `${path}?${JSON.stringify(parameters)}`,
    question: () => ({ path, parameters: { ...parameters, ...late?.() } }),
    everyMs,
  };
}

function every({ isCurrent }: Scope, liveMs = LIVE_MS): number {
  return isCurrent ? liveMs : SELDOM_MS;
}

/** The window of the period, which grows while it runs, for a call that takes `window`. */
export function windowIn({ range, zone, view, today }: Scope, minutesMax: number): Window {
  const compared = comparedFrom(view.period, view.compare, today);
  return windowOf(range, zone, now(), minutesMax, compared);
}

/** Whether the period is longer than the calls about orders take. */
export function isLongForOrders(scope: Scope): boolean {
  return windowIn(scope, MINUTES_OF_7_DAYS).isCut;
}

/** A call with `window` and `as_of`; its name has the period, since the window grows. */
function windowed<T>(
  path: string,
  scope: Scope,
  parameters: Record<string, string | null>,
  minutesMax: number,
): Call<T> {
  const { from, to } = scope.range;
  const named = call<T>(path, { site_id: scope.site, ...parameters }, every(scope), () => {
    const { window, as_of } = windowIn(scope, minutesMax);
    return { window, as_of };
  });
  return { ...named, name: `${named.name} ${from} ${to} ${scope.zone}` };
}

/** A key for a link to a site, which works for so long. */
export function shareKey({ site }: Scope, life: string): Question {
  return { path: "share_key", parameters: { site_id: site, expires_in: life } };
}

/** The sites that the bar offers: at most one page, asked for once a minute. */
export function sites(): Call<types.Sites> {
  return call("sites", { limit: "100" }, SELDOM_MS);
}

export function overview(scope: Scope): Call<types.Overview> {
  const { view, site, range } = scope;
  const parameters = {
    site_id: site,
    from: range.from,
    to: range.to,
    tz: scope.zone,
    compare: view.compare,
    currency: view.currency,
  };
  return { ...call<types.Overview>("overview", parameters, every(scope)), soonMs: SOON_MS };
}

/** The path of each ranking, and the member of its entries that has the number. */
export const RANKINGS = {
  viewed: { path: "most_viewed_item", member: "views" },
  carted: { path: "top_item_added_to_cart", member: "adds_to_cart" },
  grossing: { path: "highest_grossing_item", member: "total_sales" },
} as const;

/** A ranking, which compares as the view does. */
function ranked<T>(
  scope: Scope,
  tab: RankingTab,
  parameters: Record<string, string | null>,
): Call<T> {
  const { path } = RANKINGS[tab];
  const money = tab === "grossing" ? { currency: scope.view.currency } : {};
  const call = windowed<T>(path, scope, { ...parameters, ...money }, MINUTES_OF_400_DAYS);
  return {
    ...call,
    name: `${call.name} ${scope.view.compare}`,
    question: () => {
      const { compared_as_of } = windowIn(scope, MINUTES_OF_400_DAYS);
      const question = call.question();
      return { ...question, parameters: { ...question.parameters, compared_as_of } };
    },
  };
}

export type RankingTab = keyof typeof RANKINGS;

export function ranking(scope: Scope, tab: RankingTab, limit = 10): Call<types.Ranking> {
  return ranked(scope, tab, { limit: String(limit) });
}

/** The categories or brands whose items have the highest numbers. */
export function groupRanking(
  scope: Scope,
  tab: RankingTab,
  by: Exclude<Grouping, "item">,
): Call<types.GroupRanking> {
  return ranked(scope, tab, { by, limit: "10" });
}

/** What rose and fell; against the previous period if the view compares with nothing. */
export function movers(scope: Scope): Call<types.Movers> {
  const { view, site, range, zone } = scope;
  const parameters = {
    measure: "views",
    site_id: site,
    from: range.from,
    to: range.to,
    tz: zone,
    compare: view.compare === "none" ? "previous" : view.compare,
    limit: "5",
  };
  return call("movers", parameters, every(scope, SLOW_MS));
}

/** How far visitors got, and the items that lose most of their views. */
export function funnel(scope: Scope): Call<types.Funnel> {
  const { site, range, zone } = scope;
  const parameters = { site_id: site, from: range.from, to: range.to, tz: zone, limit: "5" };
  return call("funnel", parameters, every(scope, SLOW_MS));
}

/** The last 30 minutes, and the newest orders. */
export function realtime(scope: Scope, limit: number): Call<types.Realtime> {
  const { site, view } = scope;
  const parameters = {
    site_id: site,
    window: "30m",
    limit: String(limit),
    currency: view.currency,
  };
  return call("metrics/realtime", parameters, LIVE_MS);
}

/** The views of the last 30 minutes, minute by minute. */
export function pulse({ site }: Scope): Call<types.History> {
  const parameters = { site_id: site, measure: "views", granularity: "minute", limit: "0" };
  return call("history", parameters, LIVE_MS, () => {
    const minute = Math.floor(now() / 60_000);
    return { from: timeText((minute - 29) * 60_000) };
  });
}

/** The pages viewed most. `/stats` takes dates as UTC, so the call sends times. */
export function stats(scope: Scope, limit: number): Call<types.Stats> {
  const { site, range, zone } = scope;
  const parameters = {
    site_id: site ?? "default",
    from: timeText(startOf(range.from, zone)),
    to: timeText(startOf(range.to, zone)),
    limit: String(limit),
  };
  return call("stats", parameters, every(scope, SLOW_MS));
}

export function metrics({ site }: Scope): Call<types.Metrics> {
  return call("metrics", { site_id: site, limit: "10" }, LIVE_MS);
}

/** The granularity whose periods divide a range into a readable number of points. */
export function granularityOf({ from, to }: Range): string {
  const days = daysBetween(from, to);
  if (days <= 2) return "hour";
  return days <= 93 ? "day" : "month";
}

export function history(scope: Scope, measure: Measure, item: string | null): Call<types.History> {
  const { site, zone, range, view } = scope;
  const isMoney = ["sales", "net_sales", "refunds"].includes(measure);
  const parameters = {
    measure,
    site_id: site,
    granularity: granularityOf(range),
    from: range.from,
    to: range.to,
    tz: zone,
    compare: view.compare,
    ...(item === null ? { limit: "0" } : { item_id: item }),
    ...(isMoney ? { currency: view.currency } : {}),
  };
  return call("history", parameters, every(scope));
}

export function item(scope: Scope, id: string): Call<types.Item> {
  const parameters = { currency: scope.view.currency };
  return windowed(`items/${encodeURIComponent(id)}`, scope, parameters, MINUTES_OF_400_DAYS);
}

export function orders(scope: Scope): Call<types.Orders> {
  return windowed("metrics/orders", scope, { currency: scope.view.currency }, MINUTES_OF_7_DAYS);
}

export function hourlyRevenue(scope: Scope): Call<types.HourlyRevenue> {
  const { currency } = scope.view;
  return windowed("metrics/revenue/hourly", scope, { currency }, MINUTES_OF_7_DAYS);
}

export function products(scope: Scope): Call<types.Products> {
  const { currency } = scope.view;
  const parameters = { currency, limit: "10" };
  return windowed("metrics/products/top", scope, parameters, MINUTES_OF_400_DAYS);
}

export function health(): Call<types.Health> {
  return call("health", {}, SLOW_MS);
}

/** The money of the last days of the period, and the last proof. */
export function reconcile(scope: Scope): Call<types.Reconcile> {
  const { site, zone, range, view, isCurrent, today } = scope;
  const to = isCurrent ? plusDays(today, 1) : range.to;
  const parameters = {
    site_id: site,
    granularity: "day",
    from: daysBetween(range.from, to) <= DAYS_SHOWN ? range.from : plusDays(to, -DAYS_SHOWN),
    to,
    tz: zone,
    currency: view.currency,
  };
  return call("reconcile", parameters, SELDOM_MS);
}
