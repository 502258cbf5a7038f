/** The bar: pages, the site, the period, and what the numbers are compared with. */

import { useScope } from "../state/scope";
import { follow, linkTo, show, view } from "../state/location";
import { theme, toggleTheme } from "../state/theme";
import { key } from "../state/session";
import { COMPARISONS, type Comparison, type Page } from "../state/view";
import { Help, Link, Moon, Search, Sun } from "../ui/icons";
import { isolated } from "../text/visible";
import { Live } from "./live";
import { PeriodPicker } from "./period";
import { copyLink } from "./share";

const PAGES: readonly (readonly [Page, string])[] = [
  ["overview", "Overview"],
  ["orders", "Orders"],
  ["site", "Pages"],
  ["pipeline", "Pipeline"],
];

export const COMPARED_WITH: Record<Comparison, string> = {
  previous: "Previous period",
  week: "A week before",
  year: "A year before",
  none: "Nothing",
};

interface Props {
  readonly onSearch: () => void;
  readonly onHelp: () => void;
  readonly onShare: () => void;
}

export function Bar({ onSearch, onHelp, onShare }: Props) {
  const { page } = view.value;
  const { scope } = useScope();
  const isDark = theme.value === "dark";
  return (
    <header class="bar">
      <div class="bar-row">
        <a class="brand" href={linkTo({ page: "overview" })} onClick={follow({ page: "overview" })}>
          minutebook
        </a>
        <nav aria-label="Pages">
          {PAGES.map(([name, label]) => (
            <a
              href={linkTo({ page: name })}
              aria-current={name === page ? "page" : undefined}
              onClick={follow({ page: name })}
            >
              {label}
            </a>
          ))}
        </nav>
        <div class="tools">
          <Live />
          <button
            type="button"
            class="quiet icon-only"
            aria-label="Find an item"
            title="Find an item (/)"
            onClick={onSearch}
          >
            <Search />
          </button>
          <button
            type="button"
            class="quiet icon-only"
            aria-label="Copy the link to this view"
            title="Copy the link to this view"
            onClick={() => (key.value === null ? copyLink(scope) : onShare())}
          >
            <Link />
          </button>
          <button
            type="button"
            class="quiet icon-only"
            aria-label={isDark ? "Light theme" : "Dark theme"}
            title={isDark ? "Light theme" : "Dark theme"}
            onClick={toggleTheme}
          >
            {isDark ? <Sun /> : <Moon />}
          </button>
          <button
            type="button"
            class="quiet icon-only"
            aria-label="Shortcuts and help"
            title="Shortcuts and help (?)"
            onClick={onHelp}
          >
            <Help />
          </button>
        </div>
      </div>
      {page !== "pipeline" && (
        <div class="bar-row filters">
          <SitePicker />
          <PeriodPicker />
          {page !== "orders" && <ComparePicker />}
          <ZonePicker />
          {page !== "site" && <CurrencyPicker />}
        </div>
      )}
    </header>
  );
}

function SitePicker() {
  const { sites, scope } = useScope();
  const chosen = scope.site ?? "";
  const isListed = sites.some(({ site_id }) => site_id === chosen);
  return (
    <label class="field">
      <span>Site</span>
      <select
        value={chosen}
        onChange={(event) => show({ site: event.currentTarget.value || null })}
      >
        {!isListed && (
          <option value={chosen}>{isolated(chosen === "" ? "default" : chosen)}</option>
        )}
        {sites.map(({ site_id, display_name }) => (
          <option value={site_id}>{isolated(display_name ?? site_id)}</option>
        ))}
      </select>
    </label>
  );
}

function ComparePicker() {
  return (
    <label class="field">
      <span>Compare</span>
      <select
        value={view.value.compare}
        onChange={(event) => {
          const compare = COMPARISONS.find((known) => known === event.currentTarget.value);
          if (compare) show({ compare });
        }}
      >
        {COMPARISONS.map((compare) => (
          <option value={compare}>{COMPARED_WITH[compare]}</option>
        ))}
      </select>
    </label>
  );
}

/** All names of a kind that the browser knows, with those that matter here first. */
function names(kind: "timeZone" | "currency", first: readonly (string | null)[]): string[] {
  const known = Intl.supportedValuesOf(kind);
  return [...new Set([...first.filter((name) => name !== null), ...known])];
}

function ZonePicker() {
  const { scope } = useScope();
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <label class="field short" title="Time zone">
      <span>Zone</span>
      <select value={scope.zone} onChange={(event) => show({ zone: event.currentTarget.value })}>
        {names("timeZone", [scope.zone, "UTC", own]).map((zone) => (
          <option value={zone}>{zone.replace(/_/g, " ")}</option>
        ))}
      </select>
    </label>
  );
}

function CurrencyPicker() {
  const { currency, sites } = useScope();
  const ofSites = sites.map((site) => site.currency);
  return (
    <label class="field short" title="Currency">
      <span>Currency</span>
      <select
        value={currency ?? ""}
        onChange={(event) => show({ currency: event.currentTarget.value || null })}
      >
        {currency === null && <option value="">Site’s</option>}
        {names("currency", [currency, ...ofSites, "USD", "EUR", "GBP"]).map((code) => (
          <option value={code}>{code}</option>
        ))}
      </select>
    </label>
  );
}
