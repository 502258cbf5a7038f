import { render } from "preact";

import { App } from "./app";
import { takeKeyOfLink } from "./state/session";
import "./styles/base.css";
import "./styles/bar.css";
import "./styles/tiles.css";
import "./styles/panels.css";
import "./styles/charts.css";

takeKeyOfLink();
window.addEventListener("hashchange", takeKeyOfLink);
const root = document.getElementById("app");
if (root !== null) render(<App />, root);
