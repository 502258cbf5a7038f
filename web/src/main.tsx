import { render } from "preact";

import { App } from "./app";
import "./styles/base.css";
import "./styles/bar.css";
import "./styles/tiles.css";
import "./styles/panels.css";
import "./styles/charts.css";

const root = document.getElementById("app");
if (root !== null) render(<App />, root);
