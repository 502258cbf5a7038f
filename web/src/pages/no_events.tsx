/** What to do where there are no events yet. */

import { key } from "../state/session";
import { useScope } from "../state/scope";
import { visible } from "../text/visible";
import { Code } from "../ui/code";

/** The command that posts a first event. */
function firstEvent(site: string | null): string {
  const event = {
    event_type: "page_visit",
    timestamp: `${new Date().toISOString().slice(0, 19)}Z`,
    ...(site === null || site === "default" ? {} : { site_id: site }),
    item_id: "sku-1",
    customer_id: "c-7",
  };
  const url = new URL("events", location.href.replace(/[?#].*$/s, "")).href;
  // A single quote ends the shell's quotes, so it is written outside them.
  const body = JSON.stringify(event).replace(/'/g, String.raw`'\''`);
  const header = key.value === null ? "" : ` -H "Authorization: Bearer $KEY"`;
  return `curl '${url}' -H 'Content-Type: application/json'${header} \\\n  -d '${body}'`;
}

export function NoEvents() {
  const { sites, scope, isKnown } = useScope();
  const hasEvents = sites.some(({ site_id }) => site_id === scope.site);
  if (!isKnown || hasEvents) return null;
  return (
    <section class="panel welcome" aria-labelledby="welcome">
      <h2 id="welcome">No events yet: post one</h2>
      <p>
        {scope.site === null ? "There is no site with events." : "This site has no events: "}
        {scope.site !== null && <bdi>{visible(scope.site)}</bdi>} This page shows an event a few
        seconds after it was posted.
      </p>
      <Code code={firstEvent(scope.site)} />
    </section>
  );
}
