/**
 * Text from outside: names of items, paths, sites. The page only ever shows it as text; what it
 * shows must also be what is there.
 */

/** Characters that are not seen, and change how their surroundings are: controls and bidi marks. */
const INVISIBLE = /[\p{Cc}\u061C\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/gu;

/** The text, with a mark in the place of each character that could not be seen. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, "\uFFFD");
}

/**
 * The text for places that take no markup, as options and titles: set apart, so that a name that
 * is written from right to left does not turn its surroundings round.
 */
export function isolated(text: string): string {
  return `\u2068${visible(text)}\u2069`;
}
