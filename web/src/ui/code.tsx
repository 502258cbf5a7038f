/** A command to copy. */

import { Dialog } from "./dialog";
import { copy } from "./toast";

export function Code({ code }: { readonly code: string }) {
  return (
    <div class="code">
      <pre tabIndex={0}>
        <code>{code}</code>
      </pre>
      <button type="button" onClick={() => void copy(code, "Command")}>
        Copy
      </button>
    </div>
  );
}

interface Props {
  readonly title: string;
  readonly code: string;
  readonly onClose: () => void;
}

export function CodeDialog({ title, code, onClose }: Props) {
  return (
    <Dialog title={title} onClose={onClose}>
      <Code code={code} />
      {code.includes("$KEY") && <p class="muted">Set KEY to the key of the API first.</p>}
    </Dialog>
  );
}
