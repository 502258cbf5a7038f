import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";

import { ranking } from "../../api/calls";
import { useCall } from "../../api/resource";
import { useScope } from "../../state/scope";
import { Panel } from "../../ui/panel";

export function MoversPanel({ tabs }: { readonly tabs: ComponentChildren }) {
  const { scope } = useScope();
  const call = useMemo(() => ranking(scope, "viewed"), [scope]);
  const known = useCall(call);
  return (
    <Panel
      title="Movers"
      tabs={tabs}
      call={call}
      known={known}
      table={() => ({ columns: [], rows: [] })}
    >
      {() => null}
    </Panel>
  );
}
