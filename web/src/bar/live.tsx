/** Whether the numbers are fresh, and pushed: a dot, and the age of the newest answer. */

import { isPushed } from "../api/feed";
import { freshness } from "../api/resource";
import { ago } from "../text/numbers";
import { useNow } from "../time/now";

/** From this age on, numbers are not called live. */
const OLD_MS = 90_000;

export function Live() {
  const now = useNow();
  const { at, failure } = freshness();
  const isOld = at === 0 || now - at > OLD_MS;
  const fresh = isPushed.value ? "live" : "polling";
  const state = failure !== null ? "failing" : isOld ? "waiting" : fresh;
  const words = { failing: "Not up to date", waiting: "Loading", live: "Live", polling: "Polling" };
  const word = words[state];
  return (
    <span class="live" data-state={state} title={failure?.sentence}>
      <span class="dot" />
      <span>{word}</span>
      {at !== 0 && <span class="muted age">{ago(at, now)}</span>}
    </span>
  );
}
