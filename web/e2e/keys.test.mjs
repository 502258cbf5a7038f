// Where the API needs a key, the page asks for one, and keeps it to itself.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { FAILED, launch, open, settled, violations } from "./browser.mjs";

const { MINUTEBOOK_KEY: key, MINUTEBOOK_REVOKE: revoke } = process.env;

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

test("the page asks for a key, again if it is invalid, and again when it is revoked", async () => {
  const { page, context, close } = await open(browser, "#/", {
    // A socket with a key that is not valid any more is refused.
    allows: new RegExp(`${FAILED.source}|WebSocket connection`),
  });
  const dialog = page.getByRole("dialog", { name: "This API needs a key" });
  await dialog.waitFor();
  assert.deepEqual(await violations(page), []);
  const enter = async (text) => {
    await page.getByLabel("Key", { exact: true }).fill(text);
    await page.getByRole("button", { name: "Use this key" }).click();
  };
  await enter(`mb_${"0123456789abcdef".repeat(4)}`);
  await dialog.getByText("The key is invalid, expired or revoked.").waitFor();
  const urls = [];
  page.on("request", (request) => urls.push(request.url()));
  await enter(`  ${key}\n`);
  await dialog.waitFor({ state: "detached" });
  await settled(page);
  // The key is of one site, which the questions are about without naming it.
  await page.locator('[data-chart="views"] .tile-value', { hasText: /\d{3}/ }).waitFor();
  assert.ok(urls.length > 0 && urls.every((url) => !url.includes("mb_")), urls.join(" "));
  const stored = await page.evaluate(() => [Object.values(localStorage), document.cookie].join());
  assert.ok(!stored.includes("mb_"), stored);
  await page.getByRole("button", { name: "Items as curl" }).click();
  const command = await page.locator("dialog code").textContent();
  assert.ok(command.includes("Bearer $KEY") && !command.includes("mb_"), command);
  await page.keyboard.press("Escape");
  // The key lasts as long as the tab, and no longer.
  await page.reload();
  await settled(page);
  const other = await context.newPage();
  await other.goto(page.url());
  await other.getByRole("dialog", { name: "This API needs a key" }).waitFor();
  await other.close();
  // A link with a key opens the view for whoever has none; the key leaves the URL at once.
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("button", { name: "Copy the link to this view" }).click();
  const sharing = page.getByRole("dialog", { name: "Link to this view" });
  await sharing.waitFor();
  assert.deepEqual(await violations(page), []);
  await page.getByLabel(/^The key reads/).selectOption("1d");
  await page.getByRole("button", { name: "Copy link with a key" }).click();
  await sharing.waitFor({ state: "detached" });
  const link = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(link, /#\/\?.*&key=mbs_/);
  const guest = await (await browser.newContext()).newPage();
  await guest.goto(link);
  await guest.locator('[data-chart="views"] .tile-value', { hasText: /\d{3}/ }).waitFor();
  assert.ok(!guest.url().includes("mbs_"), guest.url());
  assert.equal(await guest.getByRole("dialog").count(), 0);
  await guest.getByRole("button", { name: "Copy the link to this view" }).click();
  await guest.getByRole("button", { name: "Copy link with a key" }).click();
  await guest.getByRole("alert").getByText("can make no share key").waitFor();
  await guest.context().close();
  const [program, ...args] = JSON.parse(revoke);
  execFileSync(program, args, { cwd: join(import.meta.dirname, "..", "..") });
  await dialog.getByText("The key is invalid, expired or revoked.").waitFor({ timeout: 120_000 });
  await close();
});
