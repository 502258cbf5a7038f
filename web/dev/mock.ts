/** Made-up answers for `npm run dev`, so that the page can be worked on without a stack. */

import type { Connect, Plugin } from "vite";

const HOUR = 3_600_000;

/** The paths of the API; all others are files of the page. */
const CALL =
  /^\/(sites|overview|history|health|reconcile|movers|funnel|stats|metrics|items|\w+_item\w*)\b/;

function series(length: number, scale: number, seed: number, decimals = 0): number[] {
  return Array.from({ length }, (_, index) => {
    const wave = 1.2 + Math.sin((index / length) * 6.3 - 2) + 0.4 * Math.sin(index * 1.7 + seed);
    return Number((scale * Math.max(0.05, wave)).toFixed(decimals));
  });
}

function sum(numbers: number[]): number {
  return Number(numbers.reduce((total, number) => total + number, 0).toFixed(2));
}

function overview(now: number): unknown {
  const midnight = Math.floor(now / (24 * HOUR)) * 24 * HOUR;
  const hours = Math.floor((now - midnight) / HOUR) + 1;
  const time = (instant: number) => new Date(instant).toISOString().replace(".000Z", "Z");
  const span = (start: number) => ({ from: time(start), to: time(start + HOUR) });
  const tile = (scale: number, seed: number, decimals = 0, isMean = false) => {
    const [all, before] = [
      series(24, scale, seed, decimals),
      series(24, scale, seed + 3, decimals),
    ];
    const now = all.slice(0, hours);
    const share = (numbers: number[]) =>
      isMean ? Number((sum(numbers) / numbers.length).toFixed(4)) : sum(numbers);
    return {
      value: share(now),
      compared: share(before.slice(0, hours)),
      series: now,
      compared_series: before,
    };
  };
  return {
    site_id: "shop",
    currency: "EUR",
    tz: "UTC",
    granularity: "hour",
    compare: { kind: "previous", from: time(midnight - 24 * HOUR), to: time(now - 24 * HOUR) },
    periods: series(hours, 1, 1).map((_, hour) => ({
      ...span(midnight + hour * HOUR),
      running: hour === hours - 1,
    })),
    compared_periods: series(24, 1, 1).map((_, hour) => span(midnight + (hour - 24) * HOUR)),
    tiles: {
      net_revenue: tile(640.55, 1, 2),
      revenue: tile(690.12, 1, 2),
      refunded: tile(49.57, 2, 2),
      orders: tile(14, 2),
      avg_order_value: tile(46.2, 7, 2, true),
      conversion: tile(0.031, 4, 4, true),
      visitors: tile(310, 5),
      views: tile(1240, 6),
      carts: tile(62, 8),
      units: tile(27, 9),
      active_now: { value: 84 },
    },
    as_of: time(Math.floor(now / 60_000) * 60_000),
    window: { from: time(midnight), to: time(midnight + hours * HOUR), precision: "minute" },
  };
}

function answer(path: string, now: number): unknown {
  const as_of = new Date(Math.floor(now / 60_000) * 60_000).toISOString().replace(".000Z", "Z");
  const window = { from: as_of.replace(/T.*/, "T00:00:00Z"), to: as_of, precision: "minute" };
  const ids = [23, 7, "sku-red-42", 101, "<b>bold</b>", "עגלה\u202Egpj.exe", 5, 19, 88, 3];
  const top = (member: string, scale: number) => ({
    top: ids.map((item_id, index) => ({
      item_id,
      [member]: Number((scale / (index + 1)).toFixed(2)),
    })),
    currency: "EUR",
    as_of,
    window,
  });
  const order = (index: number) => ({
    order_id: `${1000 + index}`,
    order_number: `ORD-${1000 + index}`,
    status: ["PAID", "CREATED", "SHIPPED", "REFUNDED", "CANCELLED"][index % 5],
    total_amount: Number((20 + index * 7.35).toFixed(2)),
    refunded: index % 5 === 3 ? 12.5 : 0,
    currency: "EUR",
    created_at: new Date(now - index * 340_000).toISOString(),
  });
  switch (path) {
    case "/sites": {
      const site = { site_id: "shop", display_name: "Shop", time_zone: "UTC", currency: "EUR" };
      return { sites: [{ ...site, last_day: as_of.slice(0, 10) }], next_cursor: null };
    }
    case "/overview":
      return overview(now);
    case "/most_viewed_item":
      return top("views", 1165);
    case "/top_item_added_to_cart":
      return top("adds_to_cart", 270);
    case "/highest_grossing_item":
      return top("total_sales", 92958.39);
    case "/metrics/realtime":
      return { recent_orders: Array.from({ length: 10 }, (_, index) => order(index)), as_of };
    case "/history": {
      const start = Math.floor(now / 60_000) * 60_000 - 29 * 60_000;
      const periods = series(30, 40, 3).map((total, minute) => ({
        from: new Date(start + minute * 60_000).toISOString(),
        to: new Date(start + (minute + 1) * 60_000).toISOString(),
        total,
        running: minute === 29,
      }));
      return { granularity: "minute", tz: "UTC", currency: "EUR", periods, as_of, window };
    }
    case "/funnel": {
      const reached = (count: number, of_previous: number | null) => ({ count, of_previous });
      const stage = (stage: string, count: number, of_previous: number | null) => {
        const people = reached(count, of_previous);
        return { stage, visitors: people, sessions: people };
      };
      const stages = [
        stage("viewed", 1240, null),
        stage("carted", 310, 0.25),
        stage("began_checkout", 155, 0.5),
        stage("bought", 93, 0.6),
      ];
      const items = ids.slice(0, 5).map((item_id, index) => ({
        item_id,
        views: 900 - index * 100,
        adds_to_cart: 40,
        checkouts: 9,
        units: 3,
        drop_off: 0.98 - index / 100,
      }));
      return { stages, stages_complete: true, error: 0, items, as_of, window };
    }
    case "/reconcile":
      return { reconciles: true, proof: { at: as_of, differences: 0 }, periods: [], as_of };
    case "/health":
      return { status: "healthy", service: "minutebook", queue_size: 0, in_flight: 1 };
    default:
      return null;
  }
}

/** Answers calls of the API, unless `MINUTEBOOK_API` names a real one. */
export function mockApi(): Plugin {
  const real = process.env["MINUTEBOOK_API"];
  const answerOrProxy: Connect.NextHandleFunction = (request, response, next) => {
    const url = request.url ?? "/";
    if (!CALL.test(url)) return next();
    if (real !== undefined) {
      fetch(`${real.replace(/\/$/, "")}${url}`).then(
        async (answered) => {
          response.statusCode = answered.status;
          response.setHeader("content-type", answered.headers.get("content-type") ?? "");
          response.end(await answered.text());
        },
        (error: unknown) => next(error),
      );
      return;
    }
    const body = answer(url.replace(/\?.*/, ""), Date.now());
    response.statusCode = body === null ? 404 : 200;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(body ?? { detail: "The mock has no answer to this call." }));
  };
  return {
    name: "mock-api",
    apply: "serve",
    configureServer: (server) => void server.middlewares.use(answerOrProxy),
  };
}
