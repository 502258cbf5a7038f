// Live push: what is committed is shown within two seconds, and without a socket the page asks.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { API, PATIENCE_MS, launch, open, settled } from "./browser.mjs";

const SITE = "live-shop";
const ORDERS = 15;

let browser;
before(async () => {
  browser = await launch();
  await order("first");
});
after(() => browser.close());

/** Posts an order that is placed now. */
async function order(order_id) {
  const event = {
    event_type: "purchase",
    timestamp: new Date().toISOString(),
    site_id: SITE,
    customer_id: "c-1",
    item_id: "cup",
    price: "10.00",
    order_id,
  };
  const response = await fetch(new URL("event", API), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(event),
  });
  assert.equal(response.status, 200, await response.text());
}

const state = (page, name) => page.locator(`.live[data-state="${name}"]`);
const listed = (page, id) => page.locator(".orders bdi", { hasText: new RegExp(`^${id}$`) });

test("a commit is shown within two seconds", async () => {
  const { page, close } = await open(browser, "");
  // When each order was committed, as the messages of the socket say.
  const commits = new Map();
  page.on("websocket", (socket) => {
    socket.on("framereceived", ({ payload }) => {
      const { committed_at, answer } = JSON.parse(String(payload));
      for (const { order_id } of answer?.recent_orders ?? []) {
        if (committed_at && !commits.has(order_id)) commits.set(order_id, Date.parse(committed_at));
      }
    });
  });
  await page.goto(`${API}#/?site_id=${SITE}`);
  await page.reload();
  await settled(page);
  await state(page, "live").waitFor();
  const delays = [];
  for (let number = 1; number <= ORDERS; number += 1) {
    const id = `live-${number}`;
    await order(id);
    await listed(page, id).waitFor();
    const shownAt = Date.now();
    // The page may have asked just before it was told.
    const end = Date.now() + PATIENCE_MS;
    while (!commits.has(id)) {
      assert.ok(Date.now() < end, `${id} was not pushed`);
      await page.waitForTimeout(20);
    }
    delays.push(shownAt - commits.get(id));
  }
  // The key figures are asked for when something has changed.
  const tile = page.locator('[data-chart="orders"] .tile-value');
  await tile.filter({ hasText: new RegExp(`^${ORDERS + 1}$`) }).waitFor();
  delays.sort((one, other) => one - other);
  const at = (percent) => delays[Math.floor(((delays.length - 1) * percent) / 100)];
  console.log(`orders were shown ${at(50)} ms (median) and ${at(95)} ms (95 %) after their commit`);
  await close();
});

test("without a socket the page asks, and it listens again when it can", async () => {
  const { page, context, close } = await open(browser, "", { allows: /WebSocket/ });
  let isBlocked = true;
  await context.routeWebSocket(/\/realtime\?/, (socket) => {
    if (isBlocked) socket.close();
    else socket.connectToServer();
  });
  await page.goto(`${API}#/?site_id=${SITE}`);
  await page.reload();
  await settled(page);
  await state(page, "polling").waitFor();
  await order("polled");
  await listed(page, "polled").waitFor();
  assert.equal(await state(page, "live").count(), 0);
  isBlocked = false;
  await state(page, "live").waitFor({ timeout: 2 * PATIENCE_MS });
  await order("pushed");
  await listed(page, "pushed").waitFor();
  await close();
});
