// The first screen: its figures are the API's, and whatever can be done there works.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { API, ask, launch, open, settled, today } from "./browser.mjs";
import { HOSTILE, post, postLively } from "./events.mjs";

let browser;
before(async () => {
  browser = await launch();
  await post();
});
after(() => browser.close());

const money = (number) => exact(number, { style: "currency", currency: "USD" });

function exact(number, options = {}) {
  if (number === null) return "–";
  const currency = options.currency ? { currencyDisplay: "narrowSymbol" } : {};
  const least = options.currency ? { minimumFractionDigits: 2 } : {};
  const all = { ...options, ...currency, ...least, maximumFractionDigits: 20 };
  return new Intl.NumberFormat("en-GB", all).format(number);
}

/** The text of each element. */
const texts = (page, selector) => page.locator(selector).allTextContents();

async function overviewNow() {
  const day = new Date().toISOString().slice(0, 10);
  const next = new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
  return ask(`overview?site_id=shop&from=${day}&to=${next}&tz=UTC&compare=previous`);
}

test("the figures of the first screen are the answers of the API", async () => {
  const { page, close } = await open(browser, "#/?site_id=shop");
  await settled(page);
  const { tiles } = await overviewNow();
  const dollars = { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol" };
  const ratio = { style: "percent", maximumFractionDigits: 2 };
  for (const [chart, expected] of [
    ["net_revenue", money(tiles.net_revenue.value)],
    ["orders", exact(tiles.orders.value)],
    [
      "avg_order_value",
      new Intl.NumberFormat("en-GB", dollars).format(tiles.avg_order_value.value),
    ],
    ["conversion", new Intl.NumberFormat("en-GB", ratio).format(tiles.conversion.value)],
    ["visitors", exact(tiles.visitors.value)],
    ["views", exact(tiles.views.value)],
    ["carts", exact(tiles.carts.value)],
    ["units", exact(tiles.units.value)],
  ]) {
    const shown = await page.locator(`[data-chart="${chart}"] .tile-value`).textContent();
    assert.equal(shown, expected, chart);
  }
  assert.ok(tiles.views.value > 100 && tiles.net_revenue.value > 0, JSON.stringify(tiles));
  assert.equal(
    await page.locator('[data-part="revenue"]').textContent(),
    money(tiles.revenue.value),
  );
  const refunded = await page.locator('[data-part="refunded"]').textContent();
  assert.equal(refunded, money(tiles.refunded.value));

  const { recent_orders } = await ask("metrics/realtime?site_id=shop&window=30m&limit=10");
  const orders = await texts(page, ".orders li .order-name > bdi");
  assert.deepEqual(
    orders,
    recent_orders.map((order) => order.order_number ?? order.order_id),
  );
  assert.ok(orders.length === 10);
  await close();
});

test("each tab of items has the ranking of the API, and hostile names are text", async () => {
  const { page, close } = await open(browser, "#/?site_id=shop");
  await settled(page);
  for (const [tab, path, member, write] of [
    ["Carted", "top_item_added_to_cart", "adds_to_cart", exact],
    ["Grossing", "highest_grossing_item", "total_sales", money],
    ["Viewed", "most_viewed_item", "views", exact],
  ]) {
    await page.getByRole("tab", { name: tab }).click();
    await settled(page);
    const { top } = await ask(`${path}?site_id=shop&${today()}`);
    const shown = await texts(page, ".panel:has(.tabs) .bars .value");
    assert.deepEqual(
      shown,
      top.map((item) => write(item[member])),
      tab,
    );
  }
  const names = await texts(page, ".bars .name");
  for (const name of HOSTILE) assert.ok(names.includes(name.replace("\u202E", "\uFFFD")), name);
  await page.getByRole("tab", { name: "Movers" }).click();
  await page.getByRole("heading", { name: "Rising" }).waitFor();
  await page.getByRole("tab", { name: "Pages" }).click();
  await page.getByText("<script>").first().waitFor();
  assert.ok(!(await page.title()).includes("hacked"));
  await close();
});

test("a tile chooses the main chart, the URL says so, and back goes back", async () => {
  const { page, close } = await open(browser, "#/?site_id=shop");
  await settled(page);
  await page.locator('[data-chart="views"]').click();
  await page.getByRole("heading", { name: "Views", exact: true }).waitFor();
  assert.match(page.url(), /chart=views/);
  await page.getByRole("button", { name: "Week" }).click();
  assert.match(page.url(), /period=week/);
  await page.goBack();
  assert.doesNotMatch(page.url(), /period=week/);
  await page.goBack();
  await page.getByRole("heading", { name: "Net revenue", exact: true }).waitFor();
  await close();
});

test("a link shows the view that it names", async () => {
  const hash = "#/?site_id=shop&period=custom&from=2026-01-01&until=2026-01-07&compare=none";
  const { page, close } = await open(
    browser,
    `${hash}&tz=Asia%2FKolkata&currency=EUR&chart=orders`,
  );
  await settled(page);
  assert.equal(await page.getByLabel("First day").inputValue(), "2026-01-01");
  assert.equal(await page.getByLabel("Last day").inputValue(), "2026-01-07");
  assert.equal(await page.getByLabel("Compare").inputValue(), "none");
  assert.equal(await page.getByLabel("Zone").inputValue(), "Asia/Kolkata");
  assert.equal(await page.getByLabel("Currency").inputValue(), "EUR");
  assert.equal(await page.locator('[data-chart="orders"]').getAttribute("aria-pressed"), "true");
  await close();
});

test("a panel is also a table, a file, and a command that asks the same", async () => {
  const { page, close } = await open(browser, "#/?site_id=shop");
  await settled(page);
  await page.getByRole("button", { name: "Items as table" }).click();
  const rows = await texts(page, ".panel:has(.tabs) td.number");
  const bytes = page.waitForEvent("download");
  await page.getByRole("button", { name: "Items as CSV" }).click();
  const csv = readFileSync(await (await bytes).path(), "utf8")
    .trim()
    .split("\r\n");
  assert.equal(csv[0], "item,views");
  assert.deepEqual(
    csv.slice(1).map((line) => line.replace(/.*,/, "")),
    rows,
  );
  await page.getByRole("button", { name: "Items as curl" }).click();
  const command = await page.locator("dialog code").textContent();
  const { top } = JSON.parse(execFileSync("sh", ["-c", command.replace("curl ", "curl -sS ")]));
  assert.deepEqual(
    top.map((item) => String(item.views)),
    rows,
  );
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  await close();
});

test("the keyboard is enough", async () => {
  const { page, close } = await open(browser, "#/?site_id=shop");
  await settled(page);
  for (const [key, url] of [
    ["w", /period=week/],
    ["m", /period=month/],
    ["y", /period=year/],
    ["d", /#\/\?site_id=shop$/],
    ["ArrowLeft", /at=\d{4}-\d\d-\d\d/],
    ["ArrowRight", /#\/\?site_id=shop$/],
    ["x", /compare=week/],
    ["2", /#\/orders/],
    ["1", /#\/\?/],
  ]) {
    await page.keyboard.press(key);
    await page.waitForURL(url);
  }
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Shortcuts and help" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.keyboard.press("/");
  await page.getByRole("dialog", { name: "Find an item" }).waitFor();
  await page.keyboard.type("sku-2");
  await page.keyboard.press("Enter");
  await page.waitForURL(/#\/items\/sku-2/);
  await page.goBack();
  // By Tab alone: to a tile, and to the points of the chart.
  await settled(page);
  await page.locator('[data-chart="orders"]').focus();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForURL(/chart=avg_order_value/);
  await page.locator(".chart").first().focus();
  await page.keyboard.press("ArrowRight");
  await page.locator(".tip").waitFor();
  await close();
});

test("a view makes at most six calls", async () => {
  const { page, close } = await open(browser, "#/pipeline?site_id=shop");
  await settled(page);
  for (const [hash, calls] of [
    ["#/?site_id=shop", 6],
    ["#/items/sku-1?site_id=shop", 6],
  ]) {
    const paths = new Set();
    const note = (request) => paths.add(request.url().replace(API, ""));
    page.on("request", note);
    await page.evaluate((hash) => {
      location.hash = hash;
    }, hash);
    await settled(page);
    page.off("request", note);
    const asked = [...paths].filter(
      (path) => !path.startsWith("sites") && !path.includes("assets"),
    );
    assert.ok(asked.length <= calls, `${hash}: ${asked.join(" ")}`);
  }
  await close();
});

test("items have names, can be found by them, and are ranked by what they are", async () => {
  await postLively();
  // The whole day before, however early it is.
  const day = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  const window = `window=1440m&as_of=${day}T23:59:00Z`;
  const { page, close } = await open(browser, `#/?site_id=atelier&at=${day}`);
  await settled(page);
  const names = await texts(page, ".panel:has(.tabs) .bars .name");
  assert.ok(names.includes("Oat mug") && names.includes("brass-ladle"), names.join());
  assert.ok(names.includes("<b>Stoneware</b> bowl\uFFFD"), names.join());
  for (const by of ["category", "brand"]) {
    await page.getByLabel("Rank by").selectOption(by);
    await page.waitForURL(new RegExp(`by=${by}`));
    await settled(page);
    const { top, ungrouped } = await ask(
      `most_viewed_item?site_id=atelier&${window}&by=${by}`,
    );
    const shown = await texts(page, ".panel:has(.tabs) .bars .name");
    assert.deepEqual(
      shown,
      top.map((group) => group[by]),
    );
    const note = page.getByText(`And ${exact(ungrouped.views)} of items that the catalogue puts`);
    await note.waitFor();
  }
  await page.getByLabel("Rank by").selectOption("item");
  await page.keyboard.press("/");
  await page.getByRole("dialog", { name: "Find an item" }).waitFor();
  await page.keyboard.type("walnut b");
  await page.getByRole("button", { name: "Walnut board" }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(/#\/items\/walnut-board/);
  await page.getByRole("heading", { name: "Walnut board" }).waitFor();
  await page.getByText("walnut-board").first().waitFor();
  await close();
});

test("the picture of the README is small", async () => {
  const committed = join(import.meta.dirname, "..", "..", "docs", "images", "dashboard.png");
  // It is only replaced on purpose: no two pictures are alike to the byte.
  const picture = process.env.MINUTEBOOK_PICTURE ? committed : join(tmpdir(), "dashboard.png");
  await postLively();
  const viewport = { width: 1280, height: 1000 };
  const { page, close } = await open(browser, "#/?site_id=atelier", { viewport });
  await settled(page);
  await page.screenshot({ path: picture });
  assert.ok(statSync(picture).size < 200_000);
  await close();
});
