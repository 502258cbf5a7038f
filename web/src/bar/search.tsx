/** Finding an item: by its id, or among those that the rankings have. */

import { useMemo, useState } from "preact/hooks";

import { ranking } from "../api/calls";
import { useCall } from "../api/resource";
import { useScope } from "../state/scope";
import { show } from "../state/location";
import { visible } from "../text/visible";
import { Dialog } from "../ui/dialog";

const SHOWN_MAX = 8;

export function SearchDialog({ onClose }: { readonly onClose: () => void }) {
  const { scope } = useScope();
  const [text, setText] = useState("");
  const viewed = useCall(useMemo(() => ranking(scope, "viewed"), [scope])).data;
  const ids = (viewed?.top ?? []).map(({ item_id }) => String(item_id));
  const wanted = text.trim();
  const found = ids.filter((id) => id.toLowerCase().includes(wanted.toLowerCase()));
  const open = (item: string) => {
    onClose();
    show({ page: "item", item });
  };
  return (
    <Dialog title="Find an item" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const item = wanted || found[0];
          if (item) open(item);
        }}
      >
        <label class="field wide">
          <span>Id of the item</span>
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
          {wanted !== "" && !found.includes(wanted) && (
            <li>
              <button type="button" onClick={() => open(wanted)}>
                Open <bdi>{visible(wanted)}</bdi>
              </button>
            </li>
          )}
          {found.slice(0, SHOWN_MAX).map((id) => (
            <li key={id}>
              <button type="button" onClick={() => open(id)}>
                <bdi>{visible(id)}</bdi>
              </button>
            </li>
          ))}
        </ul>
        {wanted === "" && ids.length > 0 && (
          <p class="muted">The items viewed most in this period.</p>
        )}
      </form>
    </Dialog>
  );
}
