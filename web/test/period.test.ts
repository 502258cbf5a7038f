import { describe, expect, it } from "vitest";

import { dateIn, startOf } from "../src/time/dates";
import { type Period, comparedFrom, isCurrent, moved, rangeOf, windowOf } from "../src/time/period";

const TODAY = "2026-11-21";

describe("a period", () => {
  it("has its dates", () => {
    const ranges: readonly (readonly [Period, string, string])[] = [
      [{ kind: "day" }, "2026-11-21", "2026-11-22"],
      [{ kind: "week" }, "2026-11-16", "2026-11-23"],
      [{ kind: "week", at: "2026-11-22" }, "2026-11-16", "2026-11-23"],
      [{ kind: "month", at: "2028-02-29" }, "2028-02-01", "2028-03-01"],
      [{ kind: "year", at: "2025-07-01" }, "2025-01-01", "2026-01-01"],
      [{ kind: "custom", from: "2026-11-03", until: "2026-11-01" }, "2026-11-01", "2026-11-04"],
    ];
    for (const [period, from, to] of ranges) {
      expect(rangeOf(period, TODAY)).toEqual({ from, to });
    }
  });

  it("moves back and forth, and not beyond today", () => {
    expect(moved({ kind: "day" }, 1, TODAY)).toBeNull();
    expect(moved({ kind: "day" }, -1, TODAY)).toEqual({ kind: "day", at: "2026-11-20" });
    expect(moved({ kind: "day", at: "2026-11-20" }, 1, TODAY)).toEqual({ kind: "day" });
    expect(moved({ kind: "month", at: "2026-03-31" }, -1, TODAY)).toEqual({
      kind: "month",
      at: "2026-02-01",
    });
    const days = { kind: "custom", from: "2026-11-10", until: "2026-11-12" } as const;
    expect(moved(days, -1, TODAY)).toEqual({
      kind: "custom",
      from: "2026-11-07",
      until: "2026-11-09",
    });
    expect(isCurrent({ kind: "week" }, TODAY)).toBe(true);
    expect(isCurrent(days, TODAY)).toBe(false);
  });
});

describe("a date in a zone", () => {
  it("begins at its midnight, or at the first instant after it", () => {
    const starts: readonly (readonly [string, string, string])[] = [
      ["2026-11-21", "UTC", "2026-11-21T00:00:00.000Z"],
      ["2026-11-21", "Europe/Berlin", "2026-11-20T23:00:00.000Z"],
      ["2026-11-21", "Asia/Kolkata", "2026-11-20T18:30:00.000Z"],
      ["2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00.000Z"],
      ["2026-03-30", "Europe/Berlin", "2026-03-29T22:00:00.000Z"],
      // Clocks skip this midnight: the day begins at one o'clock.
      ["2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00.000Z"],
    ];
    for (const [date, zone, start] of starts) {
      expect(new Date(startOf(date, zone)).toISOString()).toBe(start);
      expect(dateIn(zone, startOf(date, zone))).toBe(date);
    }
  });
});

describe("what a period is compared with", () => {
  it("begins a period, a week or a year earlier", () => {
    const today = "2026-11-21";
    for (const [period, compare, expected] of [
      [{ kind: "day" }, "previous", "2026-11-20"],
      [{ kind: "day" }, "week", "2026-11-14"],
      [{ kind: "day" }, "year", "2025-11-21"],
      [{ kind: "day" }, "none", null],
      [{ kind: "day", at: "2024-02-29" }, "year", "2023-02-28"],
      [{ kind: "week" }, "previous", "2026-11-09"],
      [{ kind: "month" }, "previous", "2026-10-01"],
      [{ kind: "month", at: "2026-01-20" }, "previous", "2025-12-01"],
      [{ kind: "year" }, "previous", "2025-01-01"],
      [{ kind: "custom", from: "2026-11-02", until: "2026-11-04" }, "previous", "2026-10-30"],
    ] as const) {
      expect(comparedFrom(period, compare, today)).toBe(expected);
    }
  });
});

describe("a window", () => {
  const now = Date.parse("2026-11-21T12:07:30Z");

  it("ends with the current minute while the period runs, and with its last one after it", () => {
    const day = { from: "2026-11-21", to: "2026-11-22" };
    expect(windowOf(day, "UTC", now, 10_000)).toEqual({
      window: "728m",
      as_of: "2026-11-21T12:07:00Z",
      compared_as_of: null,
      isCut: false,
    });
    const before = { from: "2026-11-20", to: "2026-11-21" };
    expect(windowOf(before, "UTC", now, 10_000)).toEqual({
      window: "1440m",
      as_of: "2026-11-20T23:59:00Z",
      compared_as_of: null,
      isCut: false,
    });
  });

  it("is compared with one of the same length that begins with the compared date", () => {
    const day = { from: "2026-11-21", to: "2026-11-22" };
    const compared = (from: string) => windowOf(day, "Europe/Berlin", now, 10_000, from);
    expect(compared("2026-11-20").compared_as_of).toBe("2026-11-20T12:07:00Z");
    // In summer, midnight of Berlin is an hour earlier.
    expect(compared("2026-10-24").compared_as_of).toBe("2026-10-24T11:07:00Z");
  });

  it("says that it is cut if a call does not take so many minutes", () => {
    const year = { from: "2025-01-01", to: "2026-01-01" };
    expect(windowOf(year, "UTC", now, 10_080)).toEqual({
      window: "10080m",
      as_of: "2025-12-31T23:59:00Z",
      compared_as_of: null,
      isCut: true,
    });
  });
});
