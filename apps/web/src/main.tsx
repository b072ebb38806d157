import { allowOwnScripts } from "@tabcast/tab/scripts";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import "./style.css";
import { setTheme, storedTheme } from "./theme.ts";

allowOwnScripts();
setTheme(storedTheme());
const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root to draw into");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
