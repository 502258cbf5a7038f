/** The name of an item, or else its id, which leads to its page. */

import type { ListedItem } from "../api/types";
import { follow, linkTo } from "../state/location";
import { isolated, visible } from "../text/visible";

export function ItemLink({ item }: { readonly item: ListedItem }) {
  const id = String(item.item_id);
  const change = { page: "item", item: id } as const;
  const title = item.name === undefined ? visible(id) : `${isolated(item.name)} (${isolated(id)})`;
  return (
    <a href={linkTo(change)} title={title} onClick={follow(change)}>
      <bdi>{visible(nameOf(item))}</bdi>
    </a>
  );
}

/** What people call an item: its name in the catalogue, or else its id. */
export function nameOf({ item_id, name }: ListedItem): string {
  return name ?? String(item_id);
}
