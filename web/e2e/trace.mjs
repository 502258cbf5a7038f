// Measures how fast the page is, in Chromium, against a local stack that is up: first paint, when
// the figures are there, and the longest task while somebody works with it.
//
//     cargo mb up
//     cargo mb generate --minutes 576000 --events 300000 --items 10000 --event-ids --out h.jsonl
//     cargo mb put h.jsonl --wait
//     MINUTEBOOK_API=<api_url> node e2e/trace.mjs [RUNS]
//
// Each run has a context of its own, so that nothing is in the browser's cache.

import { API, launch, settled } from "./browser.mjs";

const runs = Number(process.argv[2] ?? 5);

/** Notes the longest task of 50 ms or more, from the start of the page. */
function observe() {
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      window.longest = Math.max(window.longest, duration);
    }
  }).observe({ type: "longtask", buffered: true });
}

/** What somebody does, a step at a time. */
const STEPS = [
  ["a month", (page) => page.keyboard.press("m")],
  ["the month before", (page) => page.keyboard.press("ArrowLeft")],
  ["a year", (page) => page.keyboard.press("y")],
  ["compare with the next choice", (page) => page.keyboard.press("x")],
  ["another chart", (page) => page.locator('[data-chart="views"]').first().click()],
  ["another tab", (page) => page.getByRole("tab", { name: /carted/i }).click()],
  ["an item", (page) => page.locator('main a[href*="#/items/"]').first().click()],
  ["orders", (page) => page.keyboard.press("2")],
  ["pages", (page) => page.keyboard.press("3")],
];

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const browser = await launch();
const paints = [];
const figures = [];
const starts = [];
const steps = new Map(STEPS.map(([name]) => [name, []]));
for (let run = 0; run < runs; run += 1) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(observe);
  const begun = Date.now();
  await page.goto(API);
  await settled(page);
  figures.push(Date.now() - begun);
  const paint = await page.evaluate(
    () => performance.getEntriesByName("first-contentful-paint")[0].startTime,
  );
  paints.push(paint);
  starts.push(await page.evaluate(() => window.longest));
  for (const [name, step] of STEPS) {
    await page.evaluate(() => (window.longest = 0));
    await step(page);
    await settled(page);
    steps.get(name).push(await page.evaluate(() => window.longest));
  }
  await context.close();
}
await browser.close();
console.log(`first contentful paint: ${Math.round(median(paints))} ms (median of ${runs})`);
console.log(`all figures of the first screen: ${Math.round(median(figures))} ms`);
console.log(`longest task until then: ${Math.round(Math.max(...starts))} ms`);
for (const [name, longest] of steps) {
  const worst = Math.max(...longest);
  console.log(`${name}: ${worst === 0 ? "no task of 50 ms" : `${Math.round(worst)} ms`}`);
}
