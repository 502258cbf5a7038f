/** A list of orders with their status, and what was refunded of them. */

import type { Realtime, RecentOrder } from "../api/types";
import { exact, timeIn } from "../text/numbers";
import type { TableData } from "../text/table";
import { visible } from "../text/visible";
import { dateIn } from "../time/dates";

/** The tone of a status; others have none. */
const TONES: readonly (readonly [RegExp, string])[] = [
  [/cancel|fail|refus|declin|void|error/i, "bad"],
  [/refund|return|pending|hold|await|partial/i, "warn"],
  [/paid|complete|deliver|ship|fulfil/i, "good"],
];

export function Status({ status }: { readonly status: string }) {
  const tone = TONES.find(([words]) => words.test(status))?.[1] ?? "none";
  const text = visible(status).replace(/_/g, " ").toLowerCase();
  return (
    <span class={`status ${tone}`}>
      <bdi>{text}</bdi>
    </span>
  );
}

export function recentTable({ recent_orders }: Realtime): TableData {
  return {
    columns: [
      { label: "order" },
      { label: "status" },
      { label: "placed" },
      { label: "currency" },
      { label: "amount", unit: "count" },
      { label: "refunded", unit: "count" },
    ],
    rows: recent_orders.map((order) => [
      order.order_number ?? order.order_id,
      order.status,
      order.created_at,
      order.currency,
      order.total_amount,
      order.refunded,
    ]),
  };
}

function isToday(zone: string, time: string): boolean {
  const instant = Date.parse(time);
  return !Number.isNaN(instant) && dateIn(zone, instant) === dateIn(zone, Date.now());
}

interface Props {
  readonly orders: readonly RecentOrder[];
  readonly zone: string;
}

export function RecentOrders({ orders, zone }: Props) {
  if (orders.length === 0) {
    return <p class="nothing">No orders in the last 24 hours.</p>;
  }
  return (
    <ul class="orders">
      {orders.map((order) => (
        <li key={order.order_id}>
          <span class="order-name">
            <bdi title={visible(order.order_id)}>
              {visible(order.order_number ?? order.order_id)}
            </bdi>
            <Status status={order.status} />
          </span>
          <time class="muted" dateTime={order.created_at}>
            {timeIn(zone, order.created_at, !isToday(zone, order.created_at))}
          </time>
          <span class="value">
            {exact(order.total_amount, "money", order.currency)}
            {Number(order.refunded) !== 0 && (
              <span class="refund">
                <span class="unseen">refunded </span>−
                {exact(order.refunded, "money", order.currency)}
              </span>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}
