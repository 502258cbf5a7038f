/** A ranking: a bar for each entry, as long as its number. */

import type { ComponentChildren } from "preact";

import type { Figure } from "../api/json";
import { type Unit, exact } from "../text/numbers";

export interface Bar {
  readonly id: string;
  readonly name: ComponentChildren;
  readonly value: Figure;
  /** Another number, beside the first. */
  readonly aside?: string;
}

interface Props {
  readonly bars: readonly Bar[];
  readonly unit: Unit;
  readonly currency?: string | undefined;
}

export function Bars({ bars, unit, currency }: Props) {
  const most = Math.max(...bars.map(({ value }) => Math.abs(Number(value))), 0);
  return (
    <ol class="bars">
      {bars.map(({ id, name, value, aside }) => (
        <li key={id}>
          <span
            class="length"
            style={{ width: `${most === 0 ? 0 : (Math.abs(Number(value)) / most) * 100}%` }}
          />
          <span class="name">{name}</span>
          {aside !== undefined && <span class="muted aside">{aside}</span>}
          <span class="value">{exact(value, unit, currency)}</span>
        </li>
      ))}
    </ol>
  );
}
