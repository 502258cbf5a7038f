/** A small line without axes, which a number beside it explains. */

import type { Figure } from "../api/json";
import { areaPath, linePath } from "./scale";

const WIDTH = 120;
const HEIGHT = 32;
const MARGIN = 2;

interface Props {
  readonly series: readonly (Figure | null)[];
  readonly compared?: readonly (Figure | null)[] | null | undefined;
}

export function Spark({ series, compared }: Props) {
  const values = [...series, ...(compared ?? [])].map(Number);
  const most = Math.max(...values, 0);
  const least = Math.min(...values, 0);
  const length = Math.max(series.length, compared?.length ?? 0, 2);
  const points = (line: readonly (Figure | null)[]) =>
    line.map((value, index) => {
      if (value === null) return null;
      const share = most === least ? 0 : (Number(value) - least) / (most - least);
      return {
        x: MARGIN + (index / (length - 1)) * (WIDTH - 2 * MARGIN),
        y: HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN),
      };
    });
  const line = points(series);
  const last = line.at(-1);
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {compared && <path class="compared" d={linePath(points(compared))} />}
      <path class="area" d={areaPath(line, HEIGHT - MARGIN)} />
      <path class="line" d={linePath(line)} />
      {last && line.length === 1 && <circle cx={last.x} cy={last.y} r="2" />}
    </svg>
  );
}
