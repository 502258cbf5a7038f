/**
 * The key of the API. It stays in this tab: in sessionStorage, and in no URL but that of a link
 * with a key, from which it is taken at once. No server sees the fragment of a URL.
 */

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

/** The parameter of the key in the fragment of a link. */
const PARAMETER = "key";

/** Takes the key of a link out of the URL, and sends it from now on. */
export function takeKeyOfLink(): void {
  const [path = "", query = ""] = location.hash.split(/\?(.*)/s);
  const parameters = new URLSearchParams(query);
  const given = parameters.get(PARAMETER);
  if (given === null) return;
  parameters.delete(PARAMETER);
  const rest = parameters.toString();
  history.replaceState(null, "", `${path}${rest === "" ? "" : `?${rest}`}`);
  setKey(given);
}

/** A link with a key for whoever opens it. */
export function withKey(link: string, key: string): string {
  return `${link}${link.includes("?") ? "&" : "?"}${PARAMETER}=${encodeURIComponent(key)}`;
}

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
