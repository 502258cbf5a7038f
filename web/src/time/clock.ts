/** The time by the API's clock: a browser's may be wrong, and windows end with the API's minute. */

/** How far the clocks must differ to be told from the time that an answer takes. */
const NOTICED_MS = 30_000;

/** How far the API's clock is ahead of the browser's. */
let aheadMs = 0;

/** Notes the time at which the API began an answer that has just come. */
export function noteTime(computedAt: string): void {
  const by = Date.parse(computedAt) - Date.now();
  if (!Number.isNaN(by)) aheadMs = Math.abs(by) > NOTICED_MS ? by : 0;
}

/** The current time, in milliseconds since 1970. */
export function now(): number {
  return Date.now() + aheadMs;
}
