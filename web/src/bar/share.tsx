/** Copying a link to what the page shows, with a key for reading where the API needs one. */

import { useState } from "preact/hooks";

import { type Scope, shareKey } from "../api/calls";
import { ask } from "../api/client";
import { useScope } from "../state/scope";
import { withKey } from "../state/session";
import { formatView } from "../state/view";
import { isolated } from "../text/visible";
import { Dialog } from "../ui/dialog";
import { copy } from "../ui/toast";

const LIVES: readonly (readonly [string, string])[] = [
  ["1d", "a day"],
  ["7d", "a week"],
  ["30d", "30 days"],
  ["365d", "a year"],
];

/** A link that shows the same days tomorrow: what is "today" now gets its date. */
function linkOf({ view, site, zone, today }: Scope): string {
  const { period } = view;
  const at = period.kind === "custom" ? period : { ...period, at: period.at ?? today };
  const hash = formatView({ ...view, site, zone, period: at });
  return new URL(hash, location.href).href;
}

export function copyLink(scope: Scope): void {
  void copy(linkOf(scope), "Link");
}

export function ShareDialog({ onClose }: { readonly onClose: () => void }) {
  const { scope } = useScope();
  const [life, setLife] = useState("7d");
  const [failure, setFailure] = useState<string | null>(null);
  const [isAsking, setAsking] = useState(false);
  const copyWithKey = async () => {
    setAsking(true);
    setFailure(null);
    const outcome = await ask(shareKey(scope, life), null);
    setAsking(false);
    if (outcome.kind === "failure") return setFailure(outcome.failure.sentence);
    const made = outcome.kind === "answer" ? keyOf(outcome.data) : null;
    const link = linkOf(scope);
    await copy(made === null ? link : withKey(link, made), "Link");
    onClose();
  };
  return (
    <Dialog title="Link to this view" onClose={onClose}>
      <p>Whoever opens it needs a key of their own, or gets one with the link.</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void copyWithKey();
        }}
      >
        <label class="field wide">
          <span>The key reads {isolated(scope.site ?? "default")} for</span>
          <select value={life} onChange={(event) => setLife(event.currentTarget.value)}>
            {LIVES.map(([value, label]) => (
              <option value={value}>{label}</option>
            ))}
          </select>
        </label>
        {failure !== null && (
          <p class="late" role="alert">
            {failure}
          </p>
        )}
        <p class="muted">
          Everybody who gets the link can read this site until then, or until your own key expires
          or is revoked.
        </p>
        <div class="buttons">
          <button type="submit" class="primary" disabled={isAsking}>
            Copy link with a key
          </button>
          <button
            type="button"
            onClick={() => {
              copyLink(scope);
              onClose();
            }}
          >
            Copy link without one
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function keyOf(data: unknown): string | null {
  if (typeof data !== "object" || data === null || !("key" in data)) return null;
  return typeof data.key === "string" ? data.key : null;
}
