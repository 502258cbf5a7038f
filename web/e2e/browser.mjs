// A browser, pages that must not complain, and the API beside them.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

import { chromium } from "playwright-core";

/** The URL of the API, with a slash at its end: the page. */
export const API = `${process.env.MINUTEBOOK_API?.replace(/\/$/, "")}/`;

/** How long a test waits for what must come: machines of CI are slow. */
export const PATIENCE_MS = 60_000;

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What Chromium says of a request that did not succeed, for tests that make requests fail. */
export const FAILED = /Failed to load resource/;

/** `/reconcile` answers 503 while events of its periods are being counted; the page retries. */
function isStillCounting(message) {
  const { url } = message.location();
  return /status of 503/.test(message.text()) && new URL(url, API).pathname.endsWith("/reconcile");
}

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/**
 * A page of its own, and what it complained about: whatever the policy stopped, every error of a
 * script, and every failed request, unless `allows` matches the complaint.
 */
export async function open(browser, hash = "", options = {}) {
  const { allows = null, ...rest } = options;
  const context = await browser.newContext({
    locale: "en-GB",
    timezoneId: "UTC",
    viewport: { width: 1280, height: 900 },
    reducedMotion: "reduce",
    ...rest,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() !== "error" || allows?.test(text) || isStillCounting(message)) return;
    complaints.push(`${text} (${message.location().url})`);
  });
  await page.goto(`${API}${hash}`);
  return { page, context, complaints, close: () => close(context, complaints) };
}

async function close(context, complaints) {
  await context.close();
  assert.deepEqual(complaints, [], "the page complained");
}

/** Waits until all panels show an answer. */
export async function settled(page) {
  await page.waitForSelector("main > *");
  await page.waitForFunction(() => !document.querySelector(".waiting, .blank"), undefined, {
    timeout: PATIENCE_MS,
  });
}

/** Asks the API, and returns its answer. */
export async function ask(path, headers = {}) {
  const response = await fetch(new URL(path, API), { headers });
  assert.equal(response.status, 200, `${path}: ${response.status}`);
  return response.json();
}

/** The parameters of the minutes of today (UTC), which stay the same while a question is asked. */
export function today() {
  const minute = Math.floor(Date.now() / 60_000);
  const as_of = new Date(minute * 60_000).toISOString();
  return `window=${(minute % 1_440) + 1}m&as_of=${as_of}`;
}

/** Asks until the answer is good. */
export async function until(path, isGood, what) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask(path);
    if (isGood(answer)) return answer;
    assert.ok(Date.now() < end, `not within ${PATIENCE_MS} ms: ${what}: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** What axe-core finds wrong with the page. */
export async function violations(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

/** How much wider than its window the page is. */
export function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
}
