/**
 * JSON whose numbers keep all their digits. The API answers exact decimals, and a double holds 15
 * to 17 digits: a number that it cannot hold stays the text that it was.
 */

/** A number of an answer: a text if it has more digits than a double can hold. */
export type Figure = number | string;

/** How many significant digits a double holds, whatever they are. */
const DIGITS_OF_A_DOUBLE = 15;

/** What engines pass to a reviver as its third argument; older ones pass nothing. */
interface Source {
  readonly source?: string;
}

function keepDigits(this: unknown, _name: string, value: unknown, source?: Source): unknown {
  if (typeof value !== "number" || source?.source === undefined) return value;
  const digits = source.source
    .replace(/[eE].*$/, "")
    .replace(/\D/g, "")
    .replace(/^0+/, "");
  return digits.length > DIGITS_OF_A_DOUBLE ? source.source : value;
}

/** Parses JSON. */
export function parseJson(text: string): unknown {
  return JSON.parse(text, keepDigits);
}
