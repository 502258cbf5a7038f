/** Numbers and times in the reader's locale, with all their digits. */

import type { Figure } from "../api/json";
import { LOCALE } from "./locale";

/** What a number counts, which decides how it is written. */
export type Unit = "count" | "money" | "average" | "ratio";

/** Shown where there is no number, as for the average of nothing. */
export const NONE = "–";

/** More decimals than any answer has. */
const FRACTION_DIGITS_MAX = 20;

const formats = new Map<string, Intl.NumberFormat>();

function formatOf(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const name = JSON.stringify(options);
  const format = formats.get(name) ?? new Intl.NumberFormat(LOCALE, options);
  formats.set(name, format);
  return format;
}

function currencyOptions(currency: string): Intl.NumberFormatOptions {
  return { style: "currency", currency, currencyDisplay: "narrowSymbol" };
}

/** At least as many decimals as the currency has, and all that the number has. */
function moneyOptions(currency: string): Intl.NumberFormatOptions {
  const options = currencyOptions(currency);
  const digits = formatOf(options).resolvedOptions().minimumFractionDigits ?? 0;
  return { ...options, minimumFractionDigits: digits, maximumFractionDigits: FRACTION_DIGITS_MAX };
}

function written(format: Intl.NumberFormat, figure: Figure): string {
  // A string keeps all its digits, but TypeScript's types only allow literal ones.
  return format.format(figure as number);
}

/** A number, exactly; a ratio is rounded to a hundredth of a percent, an average to the cent. */
export function exact(
  figure: Figure | null | undefined,
  unit: Unit = "count",
  currency = "USD",
): string {
  if (figure === null || figure === undefined) return NONE;
  switch (unit) {
    case "count":
      return written(formatOf({ maximumFractionDigits: FRACTION_DIGITS_MAX }), figure);
    case "money":
      return written(formatOf(moneyOptions(currency)), figure);
    case "average":
      return written(formatOf(currencyOptions(currency)), figure);
    case "ratio":
      return written(formatOf({ style: "percent", maximumFractionDigits: 2 }), figure);
  }
}

/** A number in few characters, for axes. */
export function short(value: number, unit: Unit, currency: string): string {
  if (unit === "ratio") {
    return formatOf({ style: "percent", maximumFractionDigits: 1 }).format(value);
  }
  const money = unit === "count" ? {} : currencyOptions(currency);
  const options: Intl.NumberFormatOptions = {
    ...money,
    notation: "compact",
    minimumFractionDigits: 0,
    maximumFractionDigits: 1,
  };
  return formatOf(options).format(value);
}

/** How a number changed. */
export interface Change {
  readonly direction: "up" | "down" | "same";
  readonly text: string;
}

/** The change between two numbers, in percent; `null` without a number to compare with. */
export function changeOf(
  value: Figure | null | undefined,
  compared: Figure | null | undefined,
): Change | null {
  if (value === null || value === undefined || compared === null || compared === undefined) {
    return null;
  }
  const [now, before] = [Number(value), Number(compared)];
  if (now === before) return { direction: "same", text: formatOf({ style: "percent" }).format(0) };
  const direction = now > before ? "up" : "down";
  if (before === 0) return { direction, text: "new" };
  const change = (now - before) / Math.abs(before);
  const digits = Math.abs(change) < 0.1 ? 1 : 0;
  const format = formatOf({
    style: "percent",
    signDisplay: "exceptZero",
    maximumFractionDigits: digits,
  });
  return { direction, text: Math.abs(change) > 99 ? "> 99×" : format.format(change) };
}

/** How long ago something was: seconds, minutes, hours or days. */
export function ago(instant: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - instant) / 1_000));
  const format = new Intl.RelativeTimeFormat(LOCALE, { style: "narrow", numeric: "always" });
  if (seconds < 60) return format.format(-seconds, "second");
  if (seconds < 3_600) return format.format(-Math.floor(seconds / 60), "minute");
  if (seconds < 172_800) return format.format(-Math.floor(seconds / 3_600), "hour");
  return format.format(-Math.floor(seconds / 86_400), "day");
}

/** A time in a zone, to the minute. */
export function timeIn(zone: string, time: string, hasDate = true): string {
  const instant = Date.parse(time);
  if (Number.isNaN(instant)) return time;
  const day: Intl.DateTimeFormatOptions = hasDate ? { day: "numeric", month: "short" } : {};
  const options: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
  return new Intl.DateTimeFormat(LOCALE, { timeZone: zone, ...day, ...options }).format(instant);
}

/** Two times in a zone, with what they share written once. */
export function rangeIn(zone: string, from: string, to: string): string {
  const options: Intl.DateTimeFormatOptions = {
    timeZone: zone,
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
  };
  const [start, end] = [Date.parse(from), Date.parse(to)];
  if (Number.isNaN(start) || Number.isNaN(end)) return `${from} – ${to}`;
  return new Intl.DateTimeFormat(LOCALE, options).formatRange(start, end);
}

/** The start of a period, as its own offset shows it: `2026-11-20T00:00:00+01:00`. */
export function periodLabel(from: string, granularity: string, isLong = false): string {
  const civil = Date.parse(`${from.slice(0, 19)}Z`);
  if (Number.isNaN(civil)) return from;
  const format = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(LOCALE, { timeZone: "UTC", ...options }).format(civil);
  const day: Intl.DateTimeFormatOptions = { day: "numeric", month: "short" };
  const clock: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
  switch (granularity) {
    case "minute":
      return format(clock);
    case "hour":
      return format(isLong ? { ...day, ...clock } : clock);
    case "month":
      return format(isLong ? { month: "long", year: "numeric" } : { month: "short" });
    case "week":
      return isLong ? `${format(day)} (week)` : format(day);
    default:
      return format(isLong ? { weekday: "short", ...day, year: "numeric" } : day);
  }
}
