/**
 * Text from outside: names of items, paths, sites. The page only ever shows it as text, and hides
 * none of its characters.
 */

/** Invisible characters that can change the text around them: controls and bidi marks. */
const INVISIBLE = /[\p{Cc}\u061C\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/gu;

/** The text, with a mark in the place of each character that could not be seen. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, "\uFFFD");
}

/**
 * The text for places that take no markup, such as options and titles, isolated so that a
 * right-to-left name does not reorder the text around it.
 */
export function isolated(text: string): string {
  return `\u2068${visible(text)}\u2069`;
}
