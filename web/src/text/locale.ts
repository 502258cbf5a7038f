/** The reader's locale; `en-US` where no browser names one. */
const { navigator } = globalThis as { navigator?: Navigator };

export const LOCALE: string = navigator?.language || "en-US";
