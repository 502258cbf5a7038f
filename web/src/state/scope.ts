/** The scope of a view: its site and what that decides, as far as it is known. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";

import type { Scope } from "../api/calls";
import type { Site } from "../api/types";

export interface Context {
  readonly scope: Scope;
  /** The sites that the key may see. */
  readonly sites: readonly Site[];
  /** Whether the sites are known. */
  readonly isKnown: boolean;
  /** The currency of money that is shown: that of the URL, or of the site. */
  readonly currency: string | null;
}

export const ScopeContext = createContext<Context | null>(null);

export function useScope(): Context {
  const context = useContext(ScopeContext);
  if (context === null) throw new Error("a page is shown without a scope");
  return context;
}
