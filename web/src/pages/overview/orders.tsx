/** The newest orders, as they come. */

import { useMemo } from "preact/hooks";

import { NEWEST, realtime } from "../../api/calls";
import { useCall } from "../../api/resource";
import { useScope } from "../../state/scope";
import { RecentOrders, recentTable } from "../recent_orders";
import { Panel } from "../../ui/panel";

export function OrdersPanel() {
  const { scope } = useScope();
  const call = useMemo(() => realtime(scope, NEWEST.overview), [scope]);
  const known = useCall(call);
  return (
    <Panel
      title="Live orders"
      call={call}
      known={known}
      table={recentTable}
      note="The newest orders of the last 24 hours, whatever the period"
    >
      {(data) => <RecentOrders orders={data.recent_orders} zone={scope.zone} />}
    </Panel>
  );
}
