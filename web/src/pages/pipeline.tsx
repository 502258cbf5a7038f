/** Whether counting keeps up, and what became of the lines of the last hour. Two calls. */

import { useMemo } from "preact/hooks";

import { health, reconcile } from "../api/calls";
import { useCall } from "../api/resource";
import type { Health, Reconcile } from "../api/types";
import { useScope } from "../state/scope";
import { type Unit, NONE, exact, timeIn } from "../text/numbers";
import type { TableData } from "../text/table";
import { visible } from "../text/visible";
import { Bars } from "../ui/bars";
import { Panel } from "../ui/panel";
import { Table } from "../ui/table";
import { coveredNote } from "./covered";

export function PipelinePage() {
  const { scope } = useScope();
  const healthCall = useMemo(health, []);
  const reconcileCall = useMemo(() => reconcile(scope), [scope]);
  const state = useCall(healthCall);
  const money = useCall(reconcileCall);
  return (
    <>
      <div class="page-head">
        <h1>Pipeline</h1>
      </div>
      <div class="grid">
        <Panel
          title="State of counting"
          class="full"
          call={healthCall}
          known={state}
          table={(data) => stateTable(data, scope.zone)}
        >
          {(data) => <State data={data} zone={scope.zone} />}
        </Panel>
        <Panel
          title="Lines of the last hour"
          call={healthCall}
          known={state}
          note={state.data?.last_hour && `Since ${timeIn(scope.zone, state.data.last_hour.since)}`}
          table={linesTable}
        >
          {(data) => <Lines data={data} />}
        </Panel>
        <Panel
          title="Unknown types"
          call={healthCall}
          known={state}
          note="Of the last file that had any"
          table={({ last_hour }) => namesTable("type", last_hour?.unknown_types)}
        >
          {({ last_hour }) => <Names of={last_hour?.unknown_types} none="No unknown types." />}
        </Panel>
        <Panel
          title="Money of items and of orders"
          class="full"
          call={reconcileCall}
          known={money}
          note={money.data && coveredNote(money.data, scope.zone)}
          table={moneyTable}
        >
          {(data) => <Proof data={data} zone={scope.zone} />}
        </Panel>
      </div>
    </>
  );
}

function stateTable(data: Health, zone: string): TableData {
  const time = (text: string | null | undefined) => (text ? timeIn(zone, text) : NONE);
  return {
    columns: [{ label: "what" }, { label: "value" }],
    rows: [
      ["Status", data.status],
      ["Objects waiting", data.queue_size ?? NONE],
      ["Objects being counted", data.in_flight ?? NONE],
      ["Dead letters", data.dead_letters ?? NONE],
      ["Oldest open hour", time(data.oldest_open_hour)],
      ["Hours that wait to be rolled up", data.hours_waiting ?? NONE],
      ["Rolled up at", time(data.rollup_at)],
    ],
  };
}

function State({ data, zone }: { readonly data: Health; readonly zone: string }) {
  return (
    <>
      <dl class="facts">
        {stateTable(data, zone).rows.map(([name, value]) => (
          <div>
            <dt>{name}</dt>
            <dd class={name === "Status" ? `health ${data.status}` : undefined}>{value}</dd>
          </div>
        ))}
      </dl>
      {data.queue_size === undefined && (
        <p class="hint">Only an admin key for all sites shows more than the status.</p>
      )}
      {(data.reasons ?? []).map((reason) => (
        <p class="late">{visible(reason)}</p>
      ))}
    </>
  );
}

function linesTable({ last_hour: last }: Health): TableData {
  const rows: (readonly [string, number])[] = last
    ? [
        ["Lines", last.lines],
        ["Rejected", last.rejected],
        ["Of unknown types", last.unknown],
        ["With values left out", last.dropped],
        ["Purchases without money", last.purchases_without_money],
        ["Files refused", last.refused],
        ...Object.entries(last.rejected_by_reason).map(
          ([reason, lines]) => [`Rejected: ${reason}`, lines] as const,
        ),
      ]
    : [];
  return { columns: [{ label: "outcome" }, { label: "number", unit: "count" }], rows };
}

function Lines({ data }: { readonly data: Health }) {
  const last = data.last_hour;
  if (!last) return <p class="nothing">Not known: nothing was rolled up in the last hour.</p>;
  const rows = linesTable(data).rows.slice(0, 6);
  return (
    <>
      <dl class="facts">
        {rows.map(([name, value]) => (
          <div>
            <dt>{name}</dt>
            <dd>{exact(value)}</dd>
          </div>
        ))}
      </dl>
      <h3>Rejected, by reason</h3>
      <Names of={last.rejected_by_reason} none="No line was rejected." />
    </>
  );
}

type Numbers = Readonly<Record<string, number>> | undefined;

function namesTable(label: string, numbers: Numbers): TableData {
  return {
    columns: [{ label }, { label: "lines", unit: "count" }],
    rows: Object.entries(numbers ?? {}).sort(([, one], [, other]) => other - one),
  };
}

function Names({ of, none }: { readonly of: Numbers; readonly none: string }) {
  const { rows } = namesTable("", of);
  if (rows.length === 0) return <p class="nothing">{none}</p>;
  return (
    <Bars
      unit="count"
      bars={rows.map(([name, number]) => ({
        id: String(name),
        name: <bdi>{visible(String(name))}</bdi>,
        value: number ?? 0,
      }))}
    />
  );
}

function moneyTable({ periods, currency }: Reconcile): TableData {
  const unit: Unit = "money";
  return {
    columns: [
      { label: "from" },
      { label: "items, net", unit },
      { label: "orders, net", unit },
      { label: "without an order, net", unit },
      { label: "difference, gross", unit },
      { label: "difference, refunds", unit },
    ],
    rows: periods.map((period) => [
      period.from.slice(0, 10),
      period.items.net ?? null,
      period.orders.net ?? null,
      period.without_order.net ?? null,
      period.difference.gross,
      period.difference.refunds,
    ]),
    currency,
  };
}

function Proof({ data, zone }: { readonly data: Reconcile; readonly zone: string }) {
  const { proof, reconciles } = data;
  return (
    <>
      <p class={reconciles ? "good-news" : "late"}>
        {reconciles
          ? "Items and orders agree to the cent."
          : "Items and orders differ: run minutebook verify to see where."}{" "}
        {proof
          ? `Checked against the raw files on ${timeIn(zone, proof.at)}: ` +
            `${exact(proof.differences)} differences.`
          : "Not yet checked against the raw files: run minutebook verify."}
      </p>
      <Table data={moneyTable(data)} caption="Money of items and of orders, by day" />
    </>
  );
}
