/** One item: all that is counted for it, over time. Six calls: the item, and five measures. */

import { useMemo } from "preact/hooks";

import { history, item as itemCall } from "../api/calls";
import { useCall } from "../api/resource";
import type { Figure } from "../api/json";
import type { History, Item } from "../api/types";
import { Spark } from "../charts/spark";
import { show, view } from "../state/location";
import { useScope } from "../state/scope";
import { MEASURES, type Measure } from "../state/view";
import { type Unit, exact } from "../text/numbers";
import { isolated, visible } from "../text/visible";
import { type Bar, Bars } from "../ui/bars";
import { Blank } from "../ui/figures";
import { Panel } from "../ui/panel";
import { Course, comparedOf, courseTable } from "./course";
import { coveredNote } from "./covered";

interface Description {
  readonly name: string;
  readonly unit: Unit;
  readonly of: (item: Item) => Item["views"];
}

const DESCRIPTIONS: Record<Measure, Description> = {
  views: { name: "Views", unit: "count", of: ({ views }) => views },
  carts: { name: "Added to carts", unit: "count", of: ({ adds_to_cart }) => adds_to_cart },
  checkouts: { name: "Checkouts", unit: "count", of: ({ checkouts }) => checkouts },
  units: { name: "Units sold", unit: "count", of: ({ units }) => units },
  sales: { name: "Gross sales", unit: "money", of: ({ gross_sales }) => gross_sales },
  net_sales: { name: "Net sales", unit: "money", of: ({ net_sales }) => net_sales },
  refunds: { name: "Refunds", unit: "money", of: ({ refunds }) => refunds },
  removals: { name: "Removed from carts", unit: "count", of: ({ removals }) => removals },
};

/** Those whose course is always shown; one of the others is shown when it is chosen. */
const ALWAYS: readonly Measure[] = ["views", "carts", "units", "net_sales"];

export function ItemPage() {
  const { scope } = useScope();
  const { item: id, measure } = view.value;
  const call = useMemo(() => itemCall(scope, id), [scope, id]);
  const known = useCall(call);
  const extra = ALWAYS.includes(measure) ? "sales" : measure;
  const courses = [...ALWAYS, extra];
  const calls = useMemo(
    () => courses.map((course) => history(scope, course, id)),
    [scope, id, extra],
  );
  const histories = new Map(calls.map((call, index) => [courses[index], useCall(call)]));
  const { name, unit } = DESCRIPTIONS[measure];
  const chosen = histories.get(measure);
  const chosenCall = calls[courses.indexOf(measure)];
  return (
    <>
      <div class="page-head">
        <p class="muted">
          <Described id={id} item={known.data} />
        </p>
        <h1>
          <bdi>{visible(known.data?.name ?? id)}</bdi>
        </h1>
      </div>
      <section class="tiles eight" aria-label="Key figures of the item">
        {MEASURES.map((measure) => (
          <MeasureTile measure={measure} item={known.data} course={histories.get(measure)?.data} />
        ))}
      </section>
      <div class="grid">
        {chosen && chosenCall && (
          <Panel
            title={name}
            class="full"
            call={chosenCall}
            known={chosen}
            note={chosen.data && coveredNote(chosen.data, scope.zone)}
            table={(data) => courseTable(name, unit, data)}
          >
            {(data) => (
              <Course key={measure} label={name} unit={unit} data={data} zone={scope.zone} />
            )}
          </Panel>
        )}
        <Panel
          title="From view to sale"
          class="full"
          call={call}
          known={known}
          note={known.data && coveredNote(known.data, scope.zone)}
          table={funnelTable}
        >
          {(data) => (
            <>
              <Bars unit="count" bars={stagesOf(data)} />
              <dl class="facts">
                {funnelTable(data).rows.map(([label, value]) => (
                  <div>
                    <dt>{label}</dt>
                    <dd>{exact(value, "ratio")}</dd>
                  </div>
                ))}
              </dl>
            </>
          )}
        </Panel>
      </div>
    </>
  );
}

/** What the catalogue says about the item, and its id where the title has its name. */
function Described({ id, item }: { readonly id: string; readonly item: Item | null }) {
  const shownId = item?.name === undefined ? undefined : id;
  const parts = [shownId, item?.category, item?.brand, item?.price];
  const known = parts.filter((part) => part !== undefined);
  if (known.length === 0) return <>Item</>;
  return <>{known.map(isolated).join(" · ")}</>;
}

/** The numbers of the item, from views to sales, each with its ratio to the one before. */
function stagesOf({ views, adds_to_cart, checkouts, units, conversion }: Item): Bar[] {
  const bar = (name: string, value: Figure, ratio: Figure | null) => ({
    id: name,
    name,
    value,
    ...(ratio !== null && { aside: exact(ratio, "ratio") }),
  });
  return [
    bar("Views", views, null),
    bar("Added to carts", adds_to_cart, conversion.adds_to_cart_per_view),
    bar("Checkouts", checkouts, conversion.checkouts_per_add_to_cart),
    bar("Units sold", units, conversion.units_per_checkout),
  ];
}

function funnelTable({ conversion }: Item) {
  return {
    columns: [{ label: "ratio" }, { label: "value", unit: "ratio" as const }],
    rows: [
      ["Added to carts per view", conversion.adds_to_cart_per_view],
      ["Checkouts per addition to a cart", conversion.checkouts_per_add_to_cart],
      ["Units sold per checkout", conversion.units_per_checkout],
      ["Units sold per view", conversion.units_per_view],
      ["Units sold per addition to a cart", conversion.units_per_add_to_cart],
    ] as const,
  };
}

interface TileProps {
  readonly measure: Measure;
  readonly item: Item | null;
  readonly course: History | null | undefined;
}

function MeasureTile({ measure, item, course }: TileProps) {
  const { name, unit, of } = DESCRIPTIONS[measure];
  return (
    <button
      type="button"
      class="tile"
      data-chart={measure}
      aria-pressed={view.value.measure === measure}
      onClick={() => show({ measure })}
    >
      <span class="tile-name">{name}</span>
      <span class="tile-value">
        {item === null ? <Blank /> : exact(of(item), unit, item.currency)}
      </span>
      {course && (
        <Spark series={course.periods.map(({ total }) => total)} compared={comparedOf(course)} />
      )}
    </button>
  );
}
