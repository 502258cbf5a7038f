/** A table of texts and numbers. */

import type { Figure } from "../api/json";
import { exact } from "../text/numbers";
import type { TableData } from "../text/table";
import { visible } from "../text/visible";

interface Props {
  readonly data: TableData;
  readonly caption: string;
}

export function Table({ data: { columns, rows, currency }, caption }: Props) {
  const shown = (value: Figure | null, index: number) => {
    const unit = columns[index]?.unit;
    if (unit === undefined) return <bdi>{visible(String(value ?? ""))}</bdi>;
    return exact(value, unit, currency);
  };
  return (
    <div class="table-frame" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ label, unit }) => (
              <th scope="col" class={unit && "number"}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              {row.map((value, index) => (
                <td class={columns[index]?.unit && "number"}>{shown(value, index)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
