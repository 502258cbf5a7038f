/** The pages viewed most, as bars. */

import type { Figure } from "../api/json";
import { visible } from "../text/visible";
import { Bars } from "../ui/bars";

interface Props {
  /** Each path, and its views. */
  readonly pages: readonly (readonly [string, Figure])[];
}

export function PageBars({ pages }: Props) {
  if (pages.length === 0) return <p class="nothing">No page was viewed.</p>;
  return (
    <Bars
      unit="count"
      bars={pages.map(([path, views]) => ({
        id: path,
        name: <bdi title={visible(path)}>{visible(path)}</bdi>,
        value: views,
      }))}
    />
  );
}
