/** The key of the API. It stays in this tab: in sessionStorage, and in no URL. */

import { signal } from "@preact/signals";

const NAME = "minutebook.key";

function stored(): string | null {
  try {
    return sessionStorage.getItem(NAME);
  } catch {
    return null;
  }
}

/** The key that calls send; `null` without one. */
export const key = signal<string | null>(stored());

/** Whether a call was refused for want of a valid key; `expired` if it had sent one. */
export const wantsKey = signal<"missing" | "expired" | null>(null);

/** Sends this key from now on, or none. */
export function setKey(text: string | null): void {
  try {
    if (text === null) sessionStorage.removeItem(NAME);
    else sessionStorage.setItem(NAME, text);
  } catch {
    // Where storage is switched off, the key lasts as long as the page.
  }
  key.value = text;
  wantsKey.value = null;
}

/** Notes that a call that sent `sent` was refused. */
export function refused(sent: string | null): void {
  // The answer to a key that has been replaced since says nothing about the new one.
  if (sent === key.value) wantsKey.value = sent === null ? "missing" : "expired";
}
