/** Asking for a key where the API needs one. */

import { useState } from "preact/hooks";

import { setKey, wantsKey } from "../state/session";
import { Dialog } from "../ui/dialog";

export function KeyDialog({ onClose }: { readonly onClose: () => void }) {
  const [text, setText] = useState("");
  const isExpired = wantsKey.value === "expired";
  return (
    <Dialog title="This API needs a key" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          // A header takes no line ends, which copying a key from a terminal can add.
          const key = text.replace(/[^\x21-\x7e]/g, "");
          if (key !== "") setKey(key);
        }}
      >
        {isExpired && (
          <p class="late" role="alert">
            The key is invalid, expired or revoked.
          </p>
        )}
        <p>
          A key or token with the role <code>read</code>. Whoever runs this deployment makes one
          with <code>minutebook keys add</code>.
        </p>
        <label class="field wide">
          <span>Key</span>
          <input
            type="password"
            value={text}
            autocomplete="off"
            autofocus
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <p class="muted">It stays in this tab and is forgotten when the tab closes.</p>
        <div class="buttons">
          <button type="submit" class="primary">
            Use this key
          </button>
        </div>
      </form>
    </Dialog>
  );
}
