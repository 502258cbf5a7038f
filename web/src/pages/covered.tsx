/** What an answer covers, as a sentence. */

import type { Answer } from "../api/types";
import { rangeIn, timeIn } from "../text/numbers";

/** The window of an answer, in the zone of the page; nothing if the answer has none. */
export function coveredNote({ window, as_of }: Answer, zone: string): string | undefined {
  if (!window) return undefined;
  const edges = rangeIn(zone, window.from, window.to);
  const precision = window.precision === "minute" ? "" : `, cut at whole ${window.precision}s`;
  const counted =
    as_of !== undefined && as_of < window.to ? `, counted up to ${timeIn(zone, as_of, false)}` : "";
  return `${edges}${counted}${precision}`;
}
