/** The reader's locale, as the browser says it. */
export const LOCALE: string = navigator.language || "en";
