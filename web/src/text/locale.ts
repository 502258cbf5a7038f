/** The reader's locale, as the browser says it; that of the tests where there is no browser. */
const { navigator } = globalThis as { navigator?: Navigator };

export const LOCALE: string = navigator?.language || "en-US";
