/** How far counting has come, and when the numbers were last checked. */

import { useMemo } from "preact/hooks";

import { health, reconcile } from "../api/calls";
import { useCall } from "../api/resource";
import { useScope } from "../state/scope";
import { follow, linkTo } from "../state/location";
import { NONE, ago, exact, timeIn } from "../text/numbers";
import { useNow } from "../time/now";

export function Footer() {
  const { scope } = useScope();
  const { data: state } = useCall(useMemo(health, []));
  const { data: money } = useCall(useMemo(() => reconcile(scope), [scope]));
  const now = useNow();
  const asOf = money?.as_of;
  const proof = money?.proof;
  const waiting =
    state?.queue_size === undefined ? null : state.queue_size + (state.in_flight ?? 0);
  const lastHour = state?.last_hour;
  return (
    <footer class="proof" aria-label="State of counting">
      <dl>
        <Fact name="Counted up to" value={asOf === undefined ? NONE : timeIn(scope.zone, asOf)} />
        <Fact name="Waiting" value={exact(waiting)} />
        <Fact name="Rejected lines, last hour" value={exact(lastHour?.rejected)} />
        <Fact
          name="Dead letters"
          value={exact(state?.dead_letters)}
          isBad={(state?.dead_letters ?? 0) > 0}
        />
        <Fact
          name="Money of items and orders"
          value={money === null ? NONE : money.reconciles ? "agrees" : "differs"}
          isBad={money?.reconciles === false}
        />
        <Fact
          name="Last proof"
          value={
            proof
              ? `${exact(proof.differences)} differences, ${ago(Date.parse(proof.at), now)}`
              : money === null
                ? NONE
                : "never"
          }
          isBad={(proof?.differences ?? 0) > 0}
        />
      </dl>
      <a href={linkTo({ page: "pipeline" })} onClick={follow({ page: "pipeline" })}>
        {state === null ? "Pipeline" : `Pipeline: ${state.status}`}
      </a>
    </footer>
  );
}

interface FactProps {
  readonly name: string;
  readonly value: string;
  readonly isBad?: boolean;
}

function Fact({ name, value, isBad = false }: FactProps) {
  return (
    <div data-bad={isBad}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
