// Every page, in both themes and on a small screen.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ask, launch, open, overflow, settled, today, violations } from "./browser.mjs";
import { post } from "./events.mjs";

let browser;
before(async () => {
  browser = await launch();
  await post();
});
after(() => browser.close());

const PAGES = {
  overview: "#/?site_id=shop",
  movers: "#/?site_id=shop&tab=movers",
  funnel: "#/?site_id=shop&tab=funnel",
  item: "#/items/sku-1?site_id=shop",
  orders: "#/orders?site_id=shop",
  pages: "#/site?site_id=shop",
  pipeline: "#/pipeline?site_id=shop",
};

for (const [name, hash] of Object.entries(PAGES)) {
  for (const colorScheme of ["light", "dark"]) {
    test(`${name} has no violations of axe-core in the ${colorScheme} theme`, async () => {
      const { page, close } = await open(browser, hash, { colorScheme });
      await settled(page);
      const theme = await page.evaluate(() => document.documentElement.dataset.theme);
      assert.equal(theme, colorScheme);
      assert.deepEqual(await violations(page), []);
      await close();
    });
  }

  test(`${name} fits a screen of 360 pixels`, async () => {
    const { page, close } = await open(browser, hash, {
      viewport: { width: 360, height: 740 },
    });
    await settled(page);
    assert.equal(await overflow(page), 0);
    await close();
  });
}

test("dialogs have no violations of axe-core", async () => {
  const { page, close } = await open(browser, PAGES.overview);
  await settled(page);
  for (const name of ["Find an item", "Shortcuts and help", "Items as curl"]) {
    await page.getByRole("button", { name, exact: true }).click();
    await page.getByRole("dialog").waitFor();
    assert.deepEqual(await violations(page), [], name);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  }
  await close();
});

test("the theme is chosen by a button, and stays", async () => {
  const { page, close } = await open(browser, PAGES.overview, { colorScheme: "light" });
  await page.getByRole("button", { name: "Dark theme" }).click();
  await page.reload();
  await page.getByRole("button", { name: "Light theme" }).waitFor();
  await close();
});

test("an item leads to its page, whose figures are the API's, and back", async () => {
  const { page, close } = await open(browser, PAGES.overview);
  await settled(page);
  await page.locator(".bars .name a", { hasText: "sku-1" }).click();
  await page.getByRole("heading", { name: "sku-1" }).waitFor();
  await settled(page);
  const item = await ask(`items/sku-1?site_id=shop&${today()}`);
  const shown = (measure) => page.locator(`[data-chart="${measure}"] .tile-value`).textContent();
  const count = (number) => new Intl.NumberFormat("en-GB").format(number);
  assert.equal(await shown("views"), count(item.views));
  assert.equal(await shown("carts"), count(item.adds_to_cart));
  assert.equal(await shown("units"), count(item.units));
  assert.equal(await shown("checkouts"), count(item.checkouts));
  const dollars = { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol" };
  const money = (number) => new Intl.NumberFormat("en-GB", dollars).format(number);
  assert.equal(await shown("net_sales"), money(item.net_sales));
  await page.locator('[data-chart="removals"]').click();
  await page.getByRole("heading", { name: "Removed from carts" }).waitFor();
  await page.goBack();
  await page.goBack();
  await page.getByRole("heading", { name: "Items" }).waitFor();
  await close();
});

test("the funnel shows how far visitors got, as the API answers it", async () => {
  const { page, close } = await open(browser, PAGES.overview);
  await settled(page);
  await page.getByRole("tab", { name: "Funnel" }).click();
  await page.getByRole("heading", { name: "Funnel" }).waitFor();
  await settled(page);
  assert.match(page.url(), /tab=funnel/);
  const { stages, items } = await ask("funnel?site_id=shop&limit=5");
  const panel = page.locator("section.panel", { hasText: "Largest drop-off" });
  const counts = await panel.locator(".bars .value").allTextContents();
  assert.deepEqual(
    counts,
    stages.map(({ visitors }) => String(visitors.count)),
  );
  assert.ok(stages[2].visitors.count > 0);
  const names = await panel.locator(".bars .name a").allTextContents();
  assert.equal(names.length, items.length);
  assert.equal(names[0], String(items[0].item_id));
  await page.getByRole("button", { name: "Funnel as table" }).click();
  await page.getByRole("columnheader", { name: "of those before" }).waitFor();
  await close();
});

test("orders, pages and the pipeline show what the API answers", async () => {
  const { page, close } = await open(browser, PAGES.orders);
  await settled(page);
  const orders = await ask(`metrics/orders?site_id=shop&${today()}`);
  const tiles = await page.locator(".tile-value").allTextContents();
  assert.equal(tiles[0], String(orders.total_orders));
  await page.getByRole("link", { name: "Pages" }).click();
  await settled(page);
  const day = new Date().toISOString().slice(0, 10);
  const stats = await ask(`stats?site_id=shop&date=${day}`);
  assert.equal(await page.locator(".tile-value").first().textContent(), String(stats.total_views));
  await page.getByRole("link", { name: "Pipeline", exact: true }).click();
  await settled(page);
  const { status } = await ask("health");
  assert.equal(await page.locator("dd.health").textContent(), status);
  await page.getByText("Items and orders agree").waitFor();
  await close();
});
