/** Follows the system unless the person chose otherwise. */
export type Theme = "system" | "light" | "dark";

const KEY = "tabcast-theme";

/** The stored choice; "system" where nothing, or nothing sensible, is stored. */
export function storedTheme(): Theme {
  const stored = localStorage.getItem(KEY);
  return stored === "light" || stored === "dark" ? stored : "system";
}

/** Applies a choice to the page and keeps it for the next visit. */
export function setTheme(theme: Theme): void {
  if (theme === "system") {
    localStorage.removeItem(KEY);
    delete document.documentElement.dataset.theme;
  } else {
    localStorage.setItem(KEY, theme);
    document.documentElement.dataset.theme = theme;
  }
}
