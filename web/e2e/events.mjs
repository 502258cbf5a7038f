// Known events, posted once for all tests of a stack.

import assert from "node:assert/strict";

import { API, ask, until } from "./browser.mjs";

/** Names that a page must show as they are, and not act on. */
export const HOSTILE = ["<img src=x onerror=document.title='hacked'>", "a\u202Egpj.exe", "עגלה/ab"];
export const HOSTILE_PATH = "/<script>document.title='hacked'</script>";

const MINUTE = 60_000;

function events(now) {
  const made = [];
  // All of them, or as many as the day has had minutes: right after midnight they are dense.
  const span = Math.min(300, Math.floor((now % (1_440 * MINUTE)) / MINUTE) + 1);
  let customer = 0;
  const add = (minutesAgo, event_type, more) => {
    customer += 1;
    const timestamp = new Date(now - minutesAgo * MINUTE).toISOString();
    const event_id = `e-${customer}`;
    made.push({
      event_type,
      timestamp,
      event_id,
      site_id: "shop",
      customer_id: `c-${customer % 40}`,
      ...more,
    });
  };
  // In the current hour as well as in earlier ones, and on the day before.
  for (const [item_id, views] of [
    ["sku-1", 60],
    ["sku-2", 35],
    [23, 20],
    ...HOSTILE.map((id) => [id, 5]),
  ]) {
    for (let view = 0; view < views; view += 1) {
      add((view * 7) % span, "page_visit", { item_id });
      if (view % 2 === 0) add(1_440 + ((view * 7) % span), "page_visit", { item_id });
      if (view % 5 === 0) add((view * 7) % span, "add_to_cart", { item_id });
      if (view % 9 === 0) add((view * 7) % span, "begin_checkout", { item_id });
    }
  }
  for (let view = 0; view < 30; view += 1) {
    add((view % 25) % span, "page_view", { path: view % 3 === 0 ? HOSTILE_PATH : "/pricing" });
  }
  for (let order = 1; order <= 12; order += 1) {
    add((order * 17) % span, "purchase", {
      item_id: order % 2 === 0 ? "sku-1" : "sku-2",
      price: `${order}9.99`,
      quantity: 1 + (order % 3),
      order_id: `o-${order}`,
    });
  }
  add(0, "refund", { order_id: "o-2", item_id: "sku-1", price: "10.00" });
  return made;
}

/** Two days of a shop whose visitors come by day, for the picture. */
function lively(now) {
  const made = [];
  const items = ["oat-mug", "linen-tea-towel", "walnut-board", "stoneware-bowl", "brass-ladle"];
  const statuses = ["PAID", "SHIPPED", "CREATED", "DELIVERED", "CANCELLED"];
  for (let minute = 0; minute < 2_880; minute += 1) {
    const at = new Date(now - minute * MINUTE);
    const hour = at.getUTCHours() + at.getUTCMinutes() / 60;
    // More by day than by night, and no two minutes alike.
    const wave = 0.25 + Math.max(0, Math.sin(((hour - 6) / 17) * Math.PI));
    const views = Math.round(wave * (1.6 + ((minute * 7_919) % 13) / 6));
    const timestamp = at.toISOString();
    for (let view = 0; view < views; view += 1) {
      const number = minute * 31 + view * 17;
      const item_id = items[(number % 7) % items.length];
      const common = { timestamp, site_id: "atelier", customer_id: `c-${number % 911}`, item_id };
      made.push({ ...common, event_type: "page_visit" });
      if (number % 6 === 0) made.push({ ...common, event_type: "add_to_cart" });
      if (number % 12 === 0) made.push({ ...common, event_type: "begin_checkout" });
      if (number % 23 !== 0) continue;
      const [order_id, price] = [`A-${4_000 - minute}`, `${18 + (number % 60)}.50`];
      made.push({ ...common, event_type: "purchase", order_id, price });
      made.push({
        eventType: "OrderStatusChangedEvent",
        timestamp,
        site_id: "atelier",
        orderId: order_id,
        newStatus: statuses[number % statuses.length],
      });
      if (number % 5 === 1) made.push({ ...common, event_type: "refund", order_id, price: "9.50" });
    }
  }
  return made;
}

async function send(all) {
  const body = all.map((event) => JSON.stringify(event)).join("\n");
  const headers = { "Content-Type": "application/x-ndjson" };
  const response = await fetch(new URL("events", API), { method: "POST", headers, body });
  assert.equal(response.status, 202);
  const { rejected } = await response.json();
  assert.deepEqual(rejected, []);
}

/** Posts what the picture shows unless the stack has it, and waits until it is counted. */
export async function postLively() {
  if ((await ask("sites?site_id=atelier")).sites.length > 0) return;
  const all = lively(Date.now());
  await send(all);
  const views = all.filter((event) => event.event_type === "page_visit").length;
  const path = "history?site_id=atelier&measure=views&granularity=month";
  const sum = ({ periods }) => periods.reduce((sum, { total }) => sum + total, 0);
  await until(path, (answer) => sum(answer) === views, "the events of the picture are counted");
}

/** Posts the events unless the stack has them, and waits until all are counted. */
export async function post() {
  const { sites } = await ask("sites?site_id=shop");
  const path = "items/sku-1?site_id=shop&window=400d";
  const now = Date.now();
  const all = events(now);
  const views = all.filter(
    (event) => event.event_type === "page_visit" && event.item_id === "sku-1",
  );
  if (sites.length === 0) {
    await send(all);
  }
  await until(path, (item) => item.views === views.length, "the events are counted");
}
