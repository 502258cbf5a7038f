/** Shortcuts, which work wherever no text is being entered. */

import { useEffect } from "preact/hooks";

import { useScope } from "../state/scope";
import { show, view } from "../state/location";
import { COMPARISONS, type Page } from "../state/view";
import type { PeriodKind } from "../time/period";
import { move, showKind } from "./period";

const KINDS: Record<string, PeriodKind> = { d: "day", w: "week", m: "month", y: "year" };
const PAGES: Record<string, Page> = { 1: "overview", 2: "orders", 3: "site", 4: "pipeline" };

function isWriting(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, select, textarea, dialog") !== null;
}

export function useKeyboard(onSearch: () => void, onHelp: () => void): void {
  const { scope } = useScope();
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (isWriting(event.target)) return;
      const { range, isCurrent, today } = scope;
      const kind = KINDS[event.key];
      const page = PAGES[event.key];
      if (kind !== undefined) showKind(kind, range.from, range.to, isCurrent);
      else if (page !== undefined) show({ page });
      else if (event.key === "ArrowLeft") move(-1, today);
      else if (event.key === "ArrowRight") move(1, today);
      else if (event.key === "t") show({ period: { kind: "day" } });
      else if (event.key === "x") {
        const next = (COMPARISONS.indexOf(view.value.compare) + 1) % COMPARISONS.length;
        show({ compare: COMPARISONS[next] ?? "previous" });
      } else if (event.key === "/") onSearch();
      else if (event.key === "?") onHelp();
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [scope, onSearch, onHelp]);
}
