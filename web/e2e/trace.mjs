// Measures how fast the page is, in Chromium, against a local stack that is up: first paint, when
// the figures are there, and the longest task while somebody works with it.
//
//     python3 e2e/many_days.py           # 10,000 items, 400 days, 100,000 views
//     MINUTEBOOK_API=<api_url> node e2e/trace.mjs [RUNS]
//
// Each run has a context of its own, so that nothing is in the browser's cache. A step whose
// figures the emulator does not give in time has no time; its tasks are those of a page that waits.

import { API, launch, settled } from "./browser.mjs";

const runs = Number(process.argv[2] ?? 5);

/** How long a step may take until all of its figures are there. */
const STEP_MS = 15_000;

/** How long it took until all figures were there; `null` if they did not come. */
async function timeOf(page, step) {
  const begun = performance.now();
  await step(page);
  const late = new Promise((resolve) => setTimeout(() => resolve(null), STEP_MS));
  const here = settled(page).then(
    () => performance.now() - begun,
    () => null,
  );
  return Promise.race([here, late]);
}

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
  ["compare with the next choice", (page) => page.keyboard.press("x")],
  ["another chart", (page) => page.locator('[data-chart="views"]').first().click()],
  ["another tab", (page) => page.getByRole("tab", { name: "Carted" }).click()],
  ["categories", (page) => page.getByLabel("Rank by").selectOption("category")],
  ["items again", (page) => page.getByLabel("Rank by").selectOption("item")],
  ["an item", (page) => page.evaluate(() => (location.hash = "#/items/23?period=month"))],
  ["orders", (page) => page.keyboard.press("2")],
  ["pages", (page) => page.keyboard.press("3")],
  // Last, since the emulator goes on with what nobody waits for any more.
  ["a year", (page) => page.keyboard.press("y")],
];

const sorted = (numbers) => numbers.toSorted((a, b) => a - b).map(Math.round);
const spread = (numbers) => {
  const all = sorted(numbers.filter((number) => number !== null));
  if (all.length === 0) return "more than the emulator has time for";
  return `${all[Math.floor(all.length / 2)]} ms (${all[0]} to ${all.at(-1)})`;
};
const browser = await launch();
const paints = [];
const figures = [];
const starts = [];
const steps = new Map(STEPS.map(([name]) => [name, { longest: [], settled: [] }]));
for (let run = 0; run < runs; run += 1) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(observe);
  figures.push(await timeOf(page, () => page.goto(API)));
  const paint = await page.evaluate(
    () => performance.getEntriesByName("first-contentful-paint")[0].startTime,
  );
  paints.push(paint);
  starts.push(await page.evaluate(() => window.longest));
  for (const [name, step] of STEPS) {
    await page.evaluate(() => (window.longest = 0));
    const { longest, settled: times } = steps.get(name);
    times.push(await timeOf(page, step));
    longest.push(await page.evaluate(() => window.longest));
  }
  await context.close();
}
await browser.close();
const task = (longest) => {
  const worst = Math.round(Math.max(...longest));
  return worst === 0 ? "no task of 50 ms" : `longest task ${worst} ms`;
};
console.log(`${runs} runs, each the median (least to most)`);
console.log(`first contentful paint: ${spread(paints)}`);
console.log(`all figures of the first screen: ${spread(figures)}, ${task(starts)}`);
for (const [name, { longest, settled }] of steps) {
  console.log(`${name}: all figures after ${spread(settled)}, ${task(longest)}`);
}
