import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { noteTime, now } from "../src/time/clock";

describe("the time by the API's clock", () => {
  const here = Date.parse("2026-11-21T12:07:30Z");
  beforeEach(() => vi.useFakeTimers({ now: here }));
  afterEach(() => vi.useRealTimers());

  it("is that of the browser, unless the clocks differ by more than an answer takes", () => {
    expect(now()).toBe(here);
    for (const [there, expected] of [
      ["2026-11-21T12:00:00.250Z", Date.parse("2026-11-21T12:00:00.250Z")],
      ["2026-11-21T12:07:10.000Z", here],
      ["2027-11-21T12:07:30.000Z", Date.parse("2027-11-21T12:07:30Z")],
      ["soon", Date.parse("2027-11-21T12:07:30Z")],
      ["2026-11-21T12:07:30.000Z", here],
    ] as const) {
      noteTime(there);
      expect(now()).toBe(expected);
    }
  });
});
