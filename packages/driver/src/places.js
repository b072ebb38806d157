// Plain JavaScript, because the set-up looks for Chromium before this machine has a Node.js that reads TypeScript.
import { statSync } from "node:fs";
import { delimiter, join } from "node:path";

export function isFile(path) {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

export function usualPlaces(platform, env) {
  const { PROGRAMFILES = "", "PROGRAMFILES(X86)": x86 = "", LOCALAPPDATA = "" } = env;
  switch (platform) {
    case "darwin":
      return ["", env.HOME ?? ""].flatMap((home) => [
        `${home}/Applications/Google Chrome.app/Contents/MacOS/Google Chrome`,
        `${home}/Applications/Chromium.app/Contents/MacOS/Chromium`,
        `${home}/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge`,
      ]);
    case "win32":
      return [PROGRAMFILES, x86, LOCALAPPDATA].flatMap((base) => [
        join(base, "Google", "Chrome", "Application", "chrome.exe"),
        join(base, "Chromium", "Application", "chrome.exe"),
        join(base, "Microsoft", "Edge", "Application", "msedge.exe"),
      ]);
    default:
      return [
        "/usr/bin/chromium",
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
        "microsoft-edge",
      ];
  }
}

export function find(place, env = process.env) {
  if (/[\\/]/.test(place)) return isFile(place) ? place : undefined;
  for (const folder of (env.PATH ?? "").split(delimiter)) {
    const path = join(folder, place);
    if (folder !== "" && isFile(path)) return path;
  }
  return undefined;
}

export function installed(env = process.env, platform = process.platform) {
  for (const place of usualPlaces(platform, env)) {
    const path = find(place, env);
    if (path !== undefined) return path;
  }
  return undefined;
}
