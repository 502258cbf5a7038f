// What the page shows without events and without the API, and what it does while it is hidden.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";

import { FAILED, PATIENCE_MS, launch, open, settled, violations } from "./browser.mjs";
import { post } from "./events.mjs";

let browser;
before(async () => {
  browser = await launch();
  await post();
});
after(() => browser.close());

test("a site without events says how to post one, and shows it", async () => {
  const site = `new-${Date.now()}`;
  const { page, close } = await open(browser, `#/?site_id=${site}`);
  await page.getByRole("heading", { name: "No events yet: post one" }).waitFor();
  await settled(page);
  assert.deepEqual(await violations(page), []);
  const command = await page.locator(".welcome code").textContent();
  execFileSync("sh", ["-c", command.replace("curl ", "curl -sS --fail ")]);
  await page.locator('[data-chart="views"] .tile-value', { hasText: /^1$/ }).waitFor();
  await close();
});

test("without answers from the API, the page says so, keeps its figures, and retries", async () => {
  const { page, close } = await open(browser, "#/?site_id=shop", { allows: FAILED });
  await settled(page);
  const views = page.locator('[data-chart="views"] .tile-value');
  const known = await views.textContent();
  const calls = /\/(overview|health|sites|history|metrics|reconcile|most_viewed_item)/;
  await page.route(calls, (route) => route.abort());
  // While changes are pushed, the page asks once a minute.
  await page.locator('.live[data-state="failing"]').waitFor({ timeout: 2 * PATIENCE_MS });
  await page.getByText("Not up to date: The API did not answer.").first().waitFor();
  assert.equal(await views.textContent(), known);
  assert.deepEqual(await violations(page), []);
  await page.unroute(calls);
  await page.locator('.live[data-state="live"]').waitFor({ timeout: 2 * PATIENCE_MS });
  await close();
});

test("an API that has never answered is reported, and retried", async () => {
  const { page, close } = await open(browser, "#/pipeline", { allows: FAILED });
  await page.route(/\/(sites|overview|health|reconcile)/, (route) => {
    const body = JSON.stringify({
      detail: "the table could not be read; try again in a moment",
    });
    return route.fulfill({ status: 503, contentType: "application/problem+json", body });
  });
  await page.reload();
  await page.getByText("the table could not be read").first().waitFor();
  await page.getByText("The page keeps trying.").first().waitFor();
  await close();
});

test("the page shows why the API refuses a question", async () => {
  const { page, close } = await open(browser, "#/?site_id=shop", { allows: FAILED });
  await page.route(/\/overview/, (route) => {
    const body = JSON.stringify({ detail: "hours are kept since 2025-10-17" });
    return route.fulfill({ status: 400, contentType: "application/problem+json", body });
  });
  await page.reload();
  await page.getByText("hours are kept since 2025-10-17").waitFor();
  await page.getByText("Choose another period").waitFor();
  await close();
});

test("a hidden page asks nothing", async () => {
  const { page, close } = await open(browser, "#/?site_id=shop");
  await settled(page);
  const hide = (isHidden) =>
    page.evaluate((isHidden) => {
      Object.defineProperty(document, "hidden", { get: () => isHidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, isHidden);
  await hide(true);
  // A request that was already due may still be sent.
  await page.waitForTimeout(2_000);
  let asked = 0;
  page.on("request", () => (asked += 1));
  await page.waitForTimeout(8_000);
  assert.equal(asked, 0);
  const asking = page.waitForRequest(/\/overview/);
  await hide(false);
  await asking;
  await close();
});
