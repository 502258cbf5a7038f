/** The tiles: a number each, how it changed, and its course. A click makes it the main chart. */

import type { Known } from "../../api/resource";
import type { Overview, Tile } from "../../api/types";
import { Spark } from "../../charts/spark";
import { show, view } from "../../state/location";
import { CHARTS, type Chart } from "../../state/view";
import { NONE, changeOf, exact } from "../../text/numbers";
import { Blank } from "../../ui/figures";
import { DESCRIPTIONS } from "./charts";

export function Tiles({ known }: { readonly known: Known<Overview> }) {
  const { data, failure } = known;
  return (
    <section class="tiles" aria-label="Key figures" data-stale={data !== null && failure !== null}>
      {CHARTS.map((chart) => (
        <TileOf chart={chart} data={data} />
      ))}
      <Active tile={data?.tiles["active_now"]} />
    </section>
  );
}

interface Props {
  readonly chart: Chart;
  readonly data: Overview | null;
}

function TileOf({ chart, data }: Props) {
  const { name, unit } = DESCRIPTIONS[chart];
  const tile = data?.tiles[chart];
  const currency = data?.currency ?? "USD";
  const value = exact(tile?.value, unit, currency);
  const change = changeOf(tile?.value, tile?.compared);
  const word = { up: "up", down: "down", same: "unchanged" };
  return (
    <button
      type="button"
      class="tile"
      data-chart={chart}
      aria-pressed={view.value.chart === chart}
      onClick={() => show({ chart })}
    >
      <span class="tile-name">{name}</span>
      <span class={value.length > 11 ? "tile-value long" : "tile-value"}>
        {data === null ? <Blank /> : value}
      </span>
      <span class="tile-change">
        {change !== null ? (
          <>
            <span class={`change ${change.direction}`}>
              <span class="unseen">{word[change.direction]} </span>
              {change.text}
            </span>
            <span class="muted">
              <span class="unseen">from </span>
              {exact(tile?.compared, unit, currency)}
            </span>
          </>
        ) : (
          <span class="muted">{data === null ? "" : NONE}</span>
        )}
      </span>
      {chart === "net_revenue" && <Parts data={data} currency={currency} />}
      {tile?.series && <Spark series={tile.series} compared={tile.compared_series} />}
    </button>
  );
}

/** What net revenue is made of. */
function Parts({ data, currency }: { readonly data: Overview | null; readonly currency: string }) {
  const part = (name: string) => exact(data?.tiles[name]?.value, "money", currency);
  return (
    <span class="tile-parts muted">
      <span>
        gross <b data-part="revenue">{part("revenue")}</b>
      </span>
      <span>
        refunds <b data-part="refunded">{part("refunded")}</b>
      </span>
    </span>
  );
}

function Active({ tile }: { readonly tile: Tile | undefined }) {
  return (
    <div class="tile still" data-chart="active_now">
      <span class="tile-name">Active now</span>
      <span class="tile-value">{tile === undefined ? <Blank /> : exact(tile.value)}</span>
      <span class="tile-change muted">visitors, last 5 min</span>
    </div>
  );
}
