/** A number for each of a few periods, as columns: the pulse, and orders by the hour. */

import { useRef } from "preact/hooks";

import type { Figure } from "../api/json";
import { type Unit, exact } from "../text/numbers";
import { useWidth } from "./width";

export interface ColumnOf {
  readonly label: string;
  readonly value: Figure;
  readonly running?: boolean;
}

interface Props {
  readonly label: string;
  readonly unit: Unit;
  readonly currency?: string | undefined;
  readonly columns: readonly ColumnOf[];
  readonly height: number;
}

export function Columns({ label, unit, currency, columns, height }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame, 320);
  const most = Math.max(...columns.map(({ value }) => Number(value)), 0);
  const pitch = width / Math.max(columns.length, 1);
  const gap = Math.min(3, pitch / 4);
  const [first, last] = [columns[0], columns.at(-1)];
  return (
    <div ref={frame} class="columns" role="img" aria-label={label}>
      <svg viewBox={`0 0 ${width} ${height}`} width={width} height={height} aria-hidden="true">
        {columns.map(({ label, value, running }, index) => {
          const size = Math.max(most === 0 ? 0 : (Number(value) / most) * (height - 2), 1.5);
          return (
            <g class={running ? "column running" : "column"}>
              <title>{`${label}: ${exact(value, unit, currency)}`}</title>
              <rect class="back" x={index * pitch} y="0" width={pitch} height={height} />
              <rect
                x={index * pitch + gap / 2}
                y={height - size}
                width={Math.max(pitch - gap, 1)}
                height={size}
                rx={Math.min(2, pitch / 4)}
              />
            </g>
          );
        })}
      </svg>
      <p class="ends" aria-hidden="true">
        <span>{first?.label}</span>
        <span>{last?.label}</span>
      </p>
    </div>
  );
}
