/** Finding an item: by its id, or by name or id among those that are viewed most. */

import { useMemo, useState } from "preact/hooks";

import { ranking } from "../api/calls";
import { useCall } from "../api/resource";
import { useScope } from "../state/scope";
import { show } from "../state/location";
import { visible } from "../text/visible";
import { Dialog } from "../ui/dialog";
import { nameOf } from "../ui/item_link";

const SHOWN_MAX = 8;

/** How many of the items that are viewed most are searched: as many as the call lists. */
const SEARCHED = 100;

export function SearchDialog({ onClose }: { readonly onClose: () => void }) {
  const { scope } = useScope();
  const [text, setText] = useState("");
  const viewed = useCall(useMemo(() => ranking(scope, "viewed", SEARCHED), [scope])).data;
  const items = viewed?.top ?? [];
  const wanted = text.trim();
  const has = (text: string) => text.toLowerCase().includes(wanted.toLowerCase());
  const found = items.filter((item) => has(nameOf(item)) || has(String(item.item_id)));
  const isListed = found.some(({ item_id }) => String(item_id) === wanted);
  const open = (item: string) => {
    onClose();
    show({ page: "item", item });
  };
  return (
    <Dialog title="Find an item" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const first = isListed ? undefined : found[0]?.item_id;
          const item = String(first ?? wanted);
          if (item !== "") open(item);
        }}
      >
        <label class="field wide">
          <span>Name or id of the item</span>
          <input
            type="search"
            value={text}
            autocomplete="off"
            spellcheck={false}
            maxLength={256}
            autofocus
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <ul class="found">
          {wanted !== "" && !isListed && (
            <li>
              <button type="button" onClick={() => open(wanted)}>
                Open <bdi>{visible(wanted)}</bdi>
              </button>
            </li>
          )}
          {found.slice(0, SHOWN_MAX).map((item) => (
            <li key={item.item_id}>
              <button type="button" onClick={() => open(String(item.item_id))}>
                <bdi>{visible(nameOf(item))}</bdi>
              </button>
            </li>
          ))}
        </ul>
        {wanted === "" && items.length > 0 && (
          <p class="muted">The items viewed most in this period.</p>
        )}
      </form>
    </Dialog>
  );
}
