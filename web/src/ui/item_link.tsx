/** The name of an item, which leads to its page. */

import { follow, linkTo } from "../state/location";
import { visible } from "../text/visible";

export function ItemLink({ id }: { readonly id: string }) {
  const change = { page: "item", item: id } as const;
  return (
    <a href={linkTo(change)} title={visible(id)} onClick={follow(change)}>
      <bdi>{visible(id)}</bdi>
    </a>
  );
}
