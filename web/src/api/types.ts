/** The members of answers that the page shows; docs/API.md describes all of them. */

import type { Figure } from "./json";

/** What an answer sums. */
export interface Covered {
  readonly from: string;
  readonly to: string;
  readonly precision: string;
}

/** What every answer about a window says. */
export interface Answer {
  readonly as_of?: string;
  readonly window?: Covered;
  readonly currency?: string;
}

export interface Site {
  readonly site_id: string;
  readonly display_name: string | null;
  readonly time_zone: string;
  readonly currency: string;
  readonly last_day: string;
}

export interface Sites extends Answer {
  readonly sites: readonly Site[];
  /** Where a socket is told what changes; builds before had none. */
  readonly live_url?: string | null;
  readonly next_cursor: string | null;
}

export interface Span {
  readonly from: string;
  readonly to: string;
}

export interface RunningSpan extends Span {
  readonly running: boolean;
}

/** A measure of the overview; without a series it is about now. */
export interface Tile {
  readonly value: Figure | null;
  readonly compared?: Figure | null;
  readonly series?: readonly (Figure | null)[];
  readonly compared_series?: readonly (Figure | null)[] | null;
}

export interface Overview extends Answer {
  readonly site_id: string;
  readonly currency: string;
  readonly tz: string;
  readonly granularity: string;
  readonly compare: (Span & { readonly kind: string }) | null;
  readonly periods: readonly RunningSpan[];
  readonly compared_periods: readonly Span[] | null;
  readonly tiles: Readonly<Record<string, Tile | undefined>>;
}

export type ItemId = number | string;

/** An item, and what the catalogue of the site says about it. */
export interface ListedItem {
  readonly item_id: ItemId;
  readonly name?: string;
  readonly category?: string;
  readonly brand?: string;
}

/** The number that is ranked by, under its name. */
export interface Ranked {
  readonly views?: Figure;
  readonly adds_to_cart?: Figure;
  readonly total_sales?: Figure;
  /** The same in the period that it is compared with. */
  readonly compared?: Figure;
}

export interface Ranking extends Answer {
  readonly top: readonly (ListedItem & Ranked)[];
  readonly other?: Ranked;
}

/** A ranking of categories or brands. */
export interface GroupRanking extends Answer {
  readonly top: readonly (Ranked & { readonly category?: string; readonly brand?: string })[];
  readonly ungrouped?: Ranked;
  readonly other?: Ranked;
}

export interface Mover extends ListedItem {
  readonly value: Figure;
  readonly compared: Figure;
  readonly change: Figure;
}

export interface Movers extends Answer {
  readonly compare: Span & { readonly kind: string };
  readonly rising: readonly Mover[];
  readonly falling: readonly Mover[];
}

export interface RecentOrder {
  readonly order_id: string;
  readonly order_number: string | null;
  readonly status: string;
  readonly total_amount: Figure;
  readonly refunded: Figure;
  readonly currency: string;
  readonly created_at: string;
}

export interface Product {
  readonly product_name: string;
  readonly revenue: Figure;
  readonly units: Figure;
}

export interface Realtime extends Answer {
  readonly current_orders_per_minute: Figure;
  readonly revenue_per_minute: Figure;
  readonly active_users: Figure;
  readonly top_products: readonly Product[];
  readonly recent_orders: readonly RecentOrder[];
}

export interface HistoryPeriod extends RunningSpan {
  readonly total: Figure;
  /** The same of the period that it is compared with. */
  readonly compared?: Span & { readonly total: Figure };
}

export interface History extends Answer {
  readonly measure: string;
  readonly granularity: string;
  readonly tz: string;
  readonly compare?: (Span & { readonly kind: string }) | null;
  readonly periods: readonly HistoryPeriod[];
}

export interface Stats extends Answer {
  readonly total_views: Figure;
  readonly unique_users: Figure;
  readonly top_paths: readonly { readonly path: string; readonly views: Figure }[];
}

export interface Metrics extends Answer {
  readonly active_users: Figure;
  readonly active_sessions: Figure;
  readonly page_views: Figure;
  readonly top_pages: readonly { readonly page: string; readonly views: Figure }[];
  readonly windows: { readonly users: Covered; readonly views: Covered };
}

/** How many reached a stage, and their share of those of the stage before. */
export interface Reached {
  readonly count: Figure;
  readonly of_previous: Figure | null;
  readonly of_viewed: Figure | null;
}

export interface FunnelItem extends ListedItem {
  readonly views: Figure;
  readonly adds_to_cart: Figure;
  readonly checkouts: Figure;
  readonly units: Figure;
  readonly drop_off: Figure;
}

export interface Funnel extends Answer {
  readonly stages: readonly {
    readonly stage: string;
    readonly visitors: Reached;
    readonly sessions: Reached;
  }[];
  readonly stages_complete: boolean;
  readonly error: number;
  readonly items: readonly FunnelItem[];
}

export interface Orders extends Answer {
  readonly total_orders: Figure;
  readonly total_revenue: Figure;
  readonly net_revenue: Figure;
  readonly refunded: Figure;
  readonly over_refunded?: Figure;
  readonly incomplete?: Figure;
  readonly orders_by_status: Readonly<Record<string, Figure>>;
  readonly avg_order_value: Figure;
}

export interface HourlyRevenue extends Answer {
  readonly hours: readonly {
    readonly hour: string;
    readonly orders: Figure;
    readonly revenue: Figure;
    readonly refunded: Figure;
    readonly net_revenue: Figure;
  }[];
}

export interface Products extends Answer {
  readonly products: readonly Product[];
}

export interface Item extends Answer, ListedItem {
  readonly price?: string;
  readonly views: Figure;
  readonly adds_to_cart: Figure;
  readonly removals: Figure;
  readonly checkouts: Figure;
  readonly units: Figure;
  readonly gross_sales: Figure;
  readonly refunds: Figure;
  readonly net_sales: Figure;
  readonly conversion: {
    readonly adds_to_cart_per_view: Figure | null;
    readonly units_per_add_to_cart: Figure | null;
    readonly checkouts_per_add_to_cart: Figure | null;
    readonly units_per_checkout: Figure | null;
    readonly units_per_view: Figure | null;
  };
}

/** Only the first two members are there for callers who may not see the deployment. */
export interface Health {
  readonly status: string;
  readonly service: string;
  readonly queue_size?: number;
  readonly in_flight?: number;
  readonly dead_letters?: number;
  readonly oldest_open_hour?: string | null;
  readonly hours_waiting?: number;
  readonly rollup_at?: string | null;
  readonly last_hour?: LastHour | null;
  readonly reasons?: readonly string[];
}

export interface LastHour {
  readonly since: string;
  readonly lines: number;
  readonly rejected: number;
  readonly rejected_by_reason: Readonly<Record<string, number>>;
  readonly refused: number;
  readonly unknown: number;
  readonly unknown_types: Readonly<Record<string, number>>;
  readonly dropped: number;
  readonly purchases_without_money: number;
}

export interface Money {
  readonly gross: Figure;
  readonly refunds: Figure;
  readonly net?: Figure;
}

export interface Reconcile extends Answer {
  readonly reconciles: boolean;
  readonly proof: { readonly at: string; readonly differences: number } | null;
  readonly periods: readonly (RunningSpan & {
    readonly items: Money;
    readonly orders: Money;
    readonly without_order: Money;
    readonly difference: Money;
  })[];
}
