/** Dark or light: what the system says, until the reader chooses. */

import { effect, signal } from "@preact/signals";

export type Theme = "light" | "dark";

const NAME = "minutebook.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

function chosen(): Theme | null {
  try {
    const stored = localStorage.getItem(NAME);
    return stored === "light" || stored === "dark" ? stored : null;
  } catch {
    return null;
  }
}

/** The theme that the page has. */
export const theme = signal<Theme>(chosen() ?? (system.matches ? "dark" : "light"));

system.addEventListener("change", () => {
  if (chosen() === null) theme.value = system.matches ? "dark" : "light";
});

effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
});

/** Changes to the other theme, and remembers it. */
export function toggleTheme(): void {
  theme.value = theme.value === "dark" ? "light" : "dark";
  try {
    localStorage.setItem(NAME, theme.value);
  } catch {
    // Where storage is switched off, the choice lasts as long as the page.
  }
}
