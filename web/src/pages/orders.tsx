/** Orders: by status, by the hour, the products in them, and the newest. Four calls. */

import { useMemo } from "preact/hooks";

import { NEWEST, hourlyRevenue, isLongForOrders, orders, products, realtime } from "../api/calls";
import { type Call, type Known, useCall } from "../api/resource";
import type { Figure } from "../api/json";
import type { HourlyRevenue, Orders } from "../api/types";
import { Columns } from "../charts/columns";
import { useScope } from "../state/scope";
import { type Unit, exact, timeIn } from "../text/numbers";
import { visible } from "../text/visible";
import { Bars } from "../ui/bars";
import { Figures } from "../ui/figures";
import { Panel } from "../ui/panel";
import { coveredNote } from "./covered";
import { RecentOrders, Status, recentTable } from "./recent_orders";

export function OrdersPage() {
  const { scope } = useScope();
  const ordersCall = useMemo(() => orders(scope), [scope]);
  const hourlyCall = useMemo(() => hourlyRevenue(scope), [scope]);
  const productsCall = useMemo(() => products(scope), [scope]);
  const recentCall = useMemo(() => realtime(scope, NEWEST.orders), [scope]);
  const known = useCall(ordersCall);
  const bought = useCall(productsCall);
  const recent = useCall(recentCall);
  return (
    <>
      <h1 class="unseen">Orders</h1>
      {isLongForOrders(scope) && (
        <p class="hint">
          Statuses and hours cover the last 7 days of the period: the API answers no more than that.
        </p>
      )}
      <Totals known={known} />
      <div class="grid">
        <Hourly call={hourlyCall} known={useCall(hourlyCall)} />
        <Panel
          title="By status"
          call={ordersCall}
          known={known}
          note={known.data && coveredNote(known.data, scope.zone)}
          table={statusTable}
        >
          {(data) =>
            statusTable(data).rows.length === 0 ? (
              <p class="nothing">No orders in this period.</p>
            ) : (
              <Bars
                unit="count"
                bars={statusTable(data).rows.map(([status, number]) => ({
                  id: status,
                  name: <Status status={status} />,
                  value: number,
                }))}
              />
            )
          }
        </Panel>
        <Panel
          title="Products ordered"
          call={productsCall}
          known={bought}
          note={bought.data && coveredNote(bought.data, scope.zone)}
          table={({ products, currency }) => ({
            columns: [
              { label: "product" },
              { label: "revenue", unit: "money" },
              { label: "units", unit: "count" },
            ],
            rows: products.map((product) => [product.product_name, product.revenue, product.units]),
            currency,
          })}
        >
          {({ products, currency }) =>
            products.length === 0 ? (
              <p class="nothing">No products in the orders of this period.</p>
            ) : (
              <Bars
                unit="money"
                currency={currency}
                bars={products.map(({ product_name, revenue, units }) => ({
                  id: product_name,
                  name: <bdi title={visible(product_name)}>{visible(product_name)}</bdi>,
                  value: revenue,
                  aside: `${exact(units)} units`,
                }))}
              />
            )
          }
        </Panel>
        <Panel
          title="Newest orders"
          call={recentCall}
          known={recent}
          table={recentTable}
          note="The last 24 hours, whatever the period"
        >
          {(data) => <RecentOrders orders={data.recent_orders} zone={scope.zone} />}
        </Panel>
      </div>
    </>
  );
}

function statusTable({ orders_by_status }: Orders) {
  const rows = Object.entries(orders_by_status);
  rows.sort(([, one], [, other]) => Number(other) - Number(one));
  return { columns: [{ label: "status" }, { label: "orders", unit: "count" as const }], rows };
}

function Totals({ known: { data } }: { readonly known: Known<Orders> }) {
  const figure = (number: (data: Orders) => Figure, unit: Unit) =>
    data && exact(number(data), unit, data.currency);
  return (
    <Figures
      label="Key figures of orders"
      figures={[
        ["Orders", figure((data) => data.total_orders, "count")],
        ["Net revenue", figure((data) => data.net_revenue, "money")],
        ["Gross revenue", figure((data) => data.total_revenue, "money")],
        ["Refunded", figure((data) => data.refunded, "money")],
        ["Average order", figure((data) => data.avg_order_value, "average")],
      ]}
    />
  );
}

interface HourlyProps {
  readonly call: Call<HourlyRevenue>;
  readonly known: Known<HourlyRevenue>;
}

function Hourly({ call, known }: HourlyProps) {
  const { scope } = useScope();
  return (
    <Panel
      title="Revenue by the hour"
      class="wide"
      call={call}
      known={known}
      note={known.data && coveredNote(known.data, scope.zone)}
      table={({ hours, currency }) => ({
        columns: [
          { label: "hour" },
          { label: "orders", unit: "count" },
          { label: "gross", unit: "money" },
          { label: "refunded", unit: "money" },
          { label: "net", unit: "money" },
        ],
        rows: hours.map((hour) => [
          hour.hour,
          hour.orders,
          hour.revenue,
          hour.refunded,
          hour.net_revenue,
        ]),
        currency,
      })}
    >
      {({ hours, currency }) => (
        <Columns
          label="Gross revenue by the hour"
          unit="money"
          currency={currency}
          height={200}
          columns={hours.map(({ hour, revenue }) => ({
            label: timeIn(scope.zone, hour),
            value: revenue,
          }))}
        />
      )}
    </Panel>
  );
}
