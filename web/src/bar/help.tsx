/** The keyboard shortcuts, and where to read on. */

import { key, setKey } from "../state/session";
import licences from "../licences.txt?url";
import { Dialog } from "../ui/dialog";

const KEYS: readonly (readonly [string, string])[] = [
  ["d w m y", "day, week, month, year"],
  ["← →", "the period before and after"],
  ["t", "today"],
  ["x", "compare with: the next choice"],
  ["/", "find an item"],
  ["1 2 3 4", "overview, orders, pages, pipeline"],
  ["?", "this help"],
  ["Esc", "close"],
];

export function HelpDialog({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog title="Shortcuts and help" onClose={onClose}>
      <dl class="keys">
        {KEYS.map(([keys, does]) => (
          <div>
            <dt>
              {keys.split(" ").map((one) => (
                <kbd>{one}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <p class="muted">
        Every number comes from the API: <em>curl</em> shows the request, and <em>CSV</em> all
        digits. Dotted lines still grow.
      </p>
      <p>
        <a href="openapi.json">Description of the API</a>,{" "}
        <a href={licences}>licences of the libraries in this page</a>
      </p>
      {key.value !== null && (
        <button type="button" onClick={() => setKey(null)}>
          Forget the key
        </button>
      )}
    </Dialog>
  );
}
