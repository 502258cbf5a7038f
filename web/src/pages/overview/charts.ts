/** What the tiles and the main chart say about each measure. */

import type { Unit } from "../../text/numbers";
import type { Chart } from "../../state/view";

export interface Description {
  readonly name: string;
  readonly unit: Unit;
}

export const DESCRIPTIONS: Record<Chart, Description> = {
  net_revenue: { name: "Net revenue", unit: "money" },
  orders: { name: "Orders", unit: "count" },
  avg_order_value: { name: "Average order", unit: "average" },
  conversion: { name: "Conversion", unit: "ratio" },
  visitors: { name: "Visitors", unit: "count" },
  views: { name: "Views", unit: "count" },
  carts: { name: "Added to carts", unit: "count" },
  units: { name: "Units sold", unit: "count" },
};
