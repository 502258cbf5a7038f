/**
 * Civil dates as texts (`2026-11-20`), and the instants at which they begin in a time zone. Texts
 * compare like the dates, and the API takes them as they are.
 */

const DAY_MS = 86_400_000;

/** A date as a number of days, for arithmetic. */
function dayNumber(date: string): number {
  return Math.round(Date.parse(`${date}T00:00:00Z`) / DAY_MS);
}

/** The date this many days later. */
export function plusDays(date: string, days: number): string {
  return new Date((dayNumber(date) + days) * DAY_MS).toISOString().slice(0, 10);
}

/** How many days lie between two dates. */
export function daysBetween(from: string, to: string): number {
  return dayNumber(to) - dayNumber(from);
}

/** Whether a text is a date that the calendar has. */
export function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** The Monday of the week of a date. */
export function monday(date: string): string {
  const weekday = new Date(dayNumber(date) * DAY_MS).getUTCDay();
  return plusDays(date, -((weekday + 6) % 7));
}

/** The first day of the month of a date, this many months later. */
export function firstOfMonth(date: string, months = 0): string {
  const [year, month] = [Number(date.slice(0, 4)), Number(date.slice(5, 7))];
  return new Date(Date.UTC(year, month - 1 + months, 1)).toISOString().slice(0, 10);
}

const formats = new Map<string, Intl.DateTimeFormat>();

function partsFormat(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-CA", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    formats.set(zone, format);
  }
  return format;
}

/** What the clocks of a zone show at an instant, as if it were UTC. */
function wallClock(instant: number, zone: string): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of partsFormat(zone).formatToParts(instant)) {
    parts[type] = Number(value);
  }
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** An instant as the API takes it: `2026-11-20T09:00:00Z`. */
export function timeText(instant: number): string {
  return new Date(instant).toISOString().replace(".000Z", "Z");
}

/** Whether this browser knows a zone. */
export function isZone(zone: string): boolean {
  try {
    partsFormat(zone);
    return true;
  } catch {
    return false;
  }
}

/** The date in a zone at an instant. */
export function dateIn(zone: string, instant: number): string {
  return new Date(wallClock(instant, zone)).toISOString().slice(0, 10);
}

/** The instant at which a date begins in a zone: its midnight, or the first instant after it. */
export function startOf(date: string, zone: string): number {
  const wanted = dayNumber(date) * DAY_MS;
  let instant = wanted - (wallClock(wanted, zone) - wanted);
  instant -= wallClock(instant, zone) - wanted;
  // A midnight that the clock skips has no instant: the guess then lies on the day before.
  while (dateIn(zone, instant) < date) instant += 15 * 60_000;
  return instant;
}
