/** A measure over time, with the compared period dashed and the running period marked. */

import { useRef, useState } from "preact/hooks";

import type { Figure } from "../api/json";
import { type Unit, changeOf, exact, periodLabel, short } from "../text/numbers";
import { areaPath, labelled, linePath, ticks } from "./scale";
import { useWidth } from "./width";

const HEIGHT = 264;
const TOP = 12;
const BOTTOM = 26;
const RIGHT = 10;
/** The room for the numbers of the axis. */
const LEFT = 58;
/** The room for a label of the axis of time. */
const LABEL_WIDTH = 64;

export interface LinePeriod {
  readonly from: string;
  readonly to: string;
  readonly running: boolean;
}

interface Props {
  readonly label: string;
  readonly unit: Unit;
  readonly currency: string;
  readonly granularity: string;
  readonly periods: readonly LinePeriod[];
  readonly series: readonly (Figure | null)[];
  readonly comparedPeriods: readonly ({ readonly from: string } | null)[] | null;
  readonly compared: readonly (Figure | null)[] | null;
}

export function LineChart(props: Props) {
  const { label, unit, currency, granularity, periods, series, compared } = props;
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame, 720);
  const [cursor, setCursor] = useState<number | null>(null);

  const length = Math.max(series.length, compared?.length ?? 0, 1);
  const numbers = [...series, ...(compared ?? [])].filter((value) => value !== null).map(Number);
  const steps = ticks(Math.min(...numbers, 0), Math.max(...numbers, 0), 4);
  const [low, high] = [steps[0] ?? 0, steps.at(-1) ?? 1];
  const inner = Math.max(width - LEFT - RIGHT, 40);
  const x = (index: number) => LEFT + (length === 1 ? 0.5 : index / (length - 1)) * inner;
  const y = (value: number) => TOP + (1 - (value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const points = (line: readonly (Figure | null)[]) =>
    line.map((value, index) => (value === null ? null : { x: x(index), y: y(Number(value)) }));

  const line = points(series);
  const running = periods.findIndex((period) => period.running);
  // The line up to what is complete is whole, and its last part, which still grows, is dotted.
  const done = running > 0 ? line.slice(0, running) : line;
  const growing = running > 0 ? line.slice(running - 1, running + 1) : [];
  const last = running >= 0 ? line[running] : null;

  const times = props.comparedPeriods ?? [];
  const labelAt = (index: number, isLong: boolean) => {
    const from = periods[index]?.from;
    if (from !== undefined) return periodLabel(from, granularity, isLong);
    const other = times[index]?.from;
    return other === undefined ? "" : periodLabel(other, granularity, isLong);
  };
  const place = (event: { clientX: number }) => {
    const box = frame.current?.getBoundingClientRect();
    if (!box) return;
    const share = (event.clientX - box.left - LEFT) / inner;
    setCursor(Math.min(length - 1, Math.max(0, Math.round(share * (length - 1)))));
  };
  const step = (event: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    setCursor(Math.min(length - 1, Math.max(0, (cursor ?? (by > 0 ? -1 : length)) + by)));
  };
  const shown = cursor !== null && cursor < length ? cursor : null;
  return (
    <div
      ref={frame}
      class="chart"
      tabIndex={0}
      role="group"
      aria-roledescription="chart"
      aria-label={`${label} over time; arrow keys read its points`}
      onPointerMove={place}
      onPointerDown={place}
      onPointerLeave={() => setCursor(null)}
      onBlur={() => setCursor(null)}
      onKeyDown={step}
    >
      <svg viewBox={`0 0 ${width} ${HEIGHT}`} width={width} height={HEIGHT} aria-hidden="true">
        {steps.map((value) => (
          <g class={value === 0 ? "grid zero" : "grid"}>
            <line x1={LEFT} x2={width - RIGHT} y1={y(value)} y2={y(value)} />
            <text x={LEFT - 10} y={y(value) + 4} text-anchor="end">
              {short(value, unit, currency)}
            </text>
          </g>
        ))}
        {labelled(length, Math.max(2, Math.floor(inner / LABEL_WIDTH))).map((index) => (
          <text
            class="time"
            x={x(index)}
            y={HEIGHT - 6}
            text-anchor={x(index) > width - LABEL_WIDTH / 2 ? "end" : "middle"}
          >
            {labelAt(index, false)}
          </text>
        ))}
        {compared && <path class="compared" d={linePath(points(compared))} />}
        <path class="area" d={areaPath(done, y(Math.max(low, 0)))} />
        <path class="line" d={linePath(done)} />
        <path class="growing" d={linePath(growing)} />
        {last && (
          <g class="running">
            <circle class="halo" cx={last.x} cy={last.y} r="8" />
            <circle cx={last.x} cy={last.y} r="3.5" />
          </g>
        )}
        {line.length === 1 && line[0] && <circle class="dot" cx={line[0].x} cy={line[0].y} r="3" />}
        {shown !== null && (
          <g class="cursor">
            <line x1={x(shown)} x2={x(shown)} y1={TOP} y2={HEIGHT - BOTTOM} />
            {line[shown] && <circle cx={x(shown)} cy={line[shown].y} r="3.5" />}
          </g>
        )}
      </svg>
      {shown !== null && (
        <Tip {...props} index={shown} at={x(shown)} width={width} title={labelAt(shown, true)} />
      )}
    </div>
  );
}

interface TipProps extends Props {
  readonly index: number;
  readonly at: number;
  readonly width: number;
  readonly title: string;
}

function Tip({ index, at, width, title, ...props }: TipProps) {
  const { unit, currency, granularity, periods, series, compared, comparedPeriods } = props;
  const value = series[index];
  const before = compared?.[index];
  const from = comparedPeriods?.[index]?.from;
  const change = periods[index]?.running ? null : changeOf(value, before);
  return (
    <div
      class="tip"
      role="status"
      data-side={at > width / 2 ? "left" : "right"}
      style={{ left: `${at}px` }}
    >
      <p class="tip-title">
        {title}
        {periods[index]?.running && <span class="tag">so far</span>}
      </p>
      {value !== undefined && (
        <p>
          <span class="key this" />
          <strong>{exact(value, unit, currency)}</strong>
          {change && <span class={`change ${change.direction}`}>{change.text}</span>}
        </p>
      )}
      {from !== undefined && (
        <p class="muted">
          <span class="key other" />
          {exact(before, unit, currency)}
          <span>{periodLabel(from, granularity, true)}</span>
        </p>
      )}
    </div>
  );
}
