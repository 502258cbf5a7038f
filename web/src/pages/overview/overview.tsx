/** The first screen. It makes six calls: overview, ranking, orders, pulse, health, proof. */

import { useMemo } from "preact/hooks";

import { overview } from "../../api/calls";
import { useCall } from "../../api/resource";
import { useScope } from "../../state/scope";
import { view } from "../../state/location";
import { NoEvents } from "../no_events";
import { Footer } from "../footer";
import { ItemsPanel } from "./items";
import { MainChart } from "./main_chart";
import { OrdersPanel } from "./orders";
import { PulsePanel } from "./pulse";
import { Tiles } from "./tiles";

export function OverviewPage() {
  const { scope } = useScope();
  const call = useMemo(() => overview(scope), [scope]);
  const known = useCall(call);
  return (
    <>
      <h1 class="unseen">Overview</h1>
      <NoEvents />
      <Tiles known={known} />
      <div class="grid">
        <MainChart call={call} known={known} />
        <PulsePanel />
        <ItemsPanel key={view.value.tab} />
        <OrdersPanel />
      </div>
      <Footer />
    </>
  );
}
