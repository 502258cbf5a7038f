/** The view that the URL names, and moving to another one. */

import { signal } from "@preact/signals";

import { formatView, parseView, type View } from "./view";

/** What the page shows. Only {@link show} and the browser's history change it. */
export const view = signal<View>(parseView(location.hash));

window.addEventListener("popstate", () => {
  view.value = parseView(location.hash);
});

/** Shows a view that differs in these members, as a new entry of the history. */
export function show(change: Partial<View>): void {
  const next = { ...view.value, ...change };
  const hash = formatView(next);
  if (hash !== formatView(view.value)) history.pushState(null, "", hash);
  view.value = next;
  if (change.page !== undefined) scrollTo(0, 0);
}

/** The link to a view that differs in these members. */
export function linkTo(change: Partial<View>): string {
  return formatView({ ...view.value, ...change });
}

/** Follows a plain click on a link without loading anything; others are left to the browser. */
export function follow(change: Partial<View>): (event: MouseEvent) => void {
  return (event) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    show(change);
  };
}
