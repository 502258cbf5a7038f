/** Periods: days, weeks, months, years and ranges of dates, and how to move among them. */

import type { Comparison } from "../state/view";
import { now } from "./clock";
import {
  dateIn,
  daysBetween,
  firstOfMonth,
  isDate,
  monday,
  plusDays,
  startOf,
  timeText,
} from "./dates";

/** The kinds of periods. A week starts on Monday, as in the API. */
export const PERIODS = ["day", "week", "month", "year", "custom"] as const;
export type PeriodKind = (typeof PERIODS)[number];

/** A period as the URL has it. Without `at` it is the current one. */
export interface Period {
  readonly kind: PeriodKind;
  /** A date in the period. */
  readonly at?: string | undefined;
  /** The first and the last date of a custom period. */
  readonly from?: string | undefined;
  readonly until?: string | undefined;
}

/** Dates: `from` belongs to them, `to` does not. */
export interface Range {
  readonly from: string;
  readonly to: string;
}

/** The dates of a period. */
export function rangeOf(period: Period, today: string): Range {
  const at = period.at ?? today;
  switch (period.kind) {
    case "day":
      return { from: at, to: plusDays(at, 1) };
    case "week":
      return { from: monday(at), to: plusDays(monday(at), 7) };
    case "month":
      return { from: firstOfMonth(at), to: firstOfMonth(at, 1) };
    case "year": {
      const year = Number(at.slice(0, 4));
      return { from: `${year}-01-01`, to: `${String(year + 1).padStart(4, "0")}-01-01` };
    }
    case "custom": {
      const from = period.from ?? plusDays(today, -6);
      const until = period.until ?? today;
      return from <= until
        ? { from, to: plusDays(until, 1) }
        : { from: until, to: plusDays(from, 1) };
    }
  }
}

/** Whether the period has today in it, so that its numbers still grow. */
export function isCurrent(period: Period, today: string): boolean {
  const range = rangeOf(period, today);
  return range.from <= today && today < range.to;
}

/** The period this many periods later; `null` if it begins after today. */
export function moved(period: Period, by: number, today: string): Period | null {
  const { from, to } = rangeOf(period, today);
  const days = daysBetween(from, to);
  let next: Period;
  switch (period.kind) {
    case "day":
    case "week":
      next = { kind: period.kind, at: plusDays(from, by * days) };
      break;
    case "month":
      next = { kind: "month", at: firstOfMonth(from, by) };
      break;
    case "year":
      next = { kind: "year", at: firstOfMonth(from, 12 * by) };
      break;
    case "custom":
      next = {
        kind: "custom",
        from: plusDays(from, by * days),
        until: plusDays(to, by * days - 1),
      };
  }
  if (rangeOf(next, today).from > today) return null;
  return next.kind !== "custom" && isCurrent(next, today) ? { kind: next.kind } : next;
}

/** What a period is called. */
export function labelOf(period: Period, today: string, locale: string): string {
  const { from, to } = rangeOf(period, today);
  const last = plusDays(to, -1);
  const format = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options });
  const date = (text: string) => new Date(`${text}T00:00:00Z`);
  switch (period.kind) {
    case "day":
      return format({ weekday: "short", day: "numeric", month: "short", year: "numeric" }).format(
        date(from),
      );
    case "month":
      return format({ month: "long", year: "numeric" }).format(date(from));
    case "year":
      return format({ year: "numeric" }).format(date(from));
    case "week":
    case "custom":
      return format({ day: "numeric", month: "short", year: "numeric" }).formatRange(
        date(from),
        date(last),
      );
  }
}

/** The first date of what a period is compared with; `null` if with nothing. */
export function comparedFrom(period: Period, compare: Comparison, today: string): string | null {
  const { from } = rangeOf(period, today);
  switch (compare) {
    case "none":
      return null;
    case "week":
      return plusDays(from, -7);
    case "year": {
      const date = `${String(Number(from.slice(0, 4)) - 1).padStart(4, "0")}${from.slice(4)}`;
      return isDate(date) ? date : date.replace("02-29", "02-28");
    }
    case "previous": {
      const before = moved(period, -1, today);
      return before && rangeOf(before, today).from;
    }
  }
}

/** A window of whole minutes, as the calls with `window` and `as_of` take it. */
export interface Window {
  readonly window: string;
  /**
   * Given for a period that runs, too: a window that ends with the minute in which the question
   * arrives would lack the first of the period if that is another one.
   */
  readonly as_of: string;
  /** As `as_of`, of the window that it is compared with. */
  readonly compared_as_of: string | null;
  /** Whether the period is longer than the call allows, so that only its end is asked for. */
  readonly isCut: boolean;
}

/** The part of a range that has begun, as a window of at most so many minutes. */
export function windowOf(
  range: Range,
  zone: string,
  now: number,
  minutesMax: number,
  comparedFrom: string | null = null,
): Window {
  const minute = 60_000;
  const from = Math.floor(startOf(range.from, zone) / minute);
  const to = Math.ceil(startOf(range.to, zone) / minute);
  const current = Math.floor(now / minute);
  const isOver = to <= current;
  const last = isOver ? to - 1 : current;
  const minutes = Math.max(1, last - from + 1);
  const compared = comparedFrom === null ? null : startOf(comparedFrom, zone) / minute;
  return {
    window: `${Math.min(minutes, minutesMax)}m`,
    as_of: timeText(last * minute),
    compared_as_of:
      compared === null ? null : timeText((Math.floor(compared) + minutes - 1) * minute),
    isCut: minutes > minutesMax,
  };
}

/** Today in a zone. */
export function todayIn(zone: string): string {
  return dateIn(zone, now());
}
