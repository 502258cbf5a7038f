/** A panel: a title, what it covers, and what it shows, also as a table, as CSV and as curl. */

import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";

import { type Failure, curlOf } from "../api/client";
import type { Call, Known } from "../api/resource";
import { type TableData, csvOf } from "../text/table";
import { wantsKey } from "../state/session";
import { CodeDialog } from "./code";
import { Table } from "./table";

interface Props<T> {
  readonly title: string;
  readonly class?: string;
  /** What the numbers cover. */
  readonly note?: ComponentChildren;
  readonly tabs?: ComponentChildren;
  readonly call: Call<T>;
  readonly known: Known<T>;
  readonly table: (data: T) => TableData;
  readonly children: (data: T) => ComponentChildren;
}

function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

export function Panel<T>(props: Props<T>) {
  const { title, note, tabs, call, known, table, children } = props;
  const [isTable, setTable] = useState(false);
  const [hasCurl, setCurl] = useState(false);
  const id = useId();
  const { data } = known;
  const file = `${title.toLowerCase().replace(/[^a-z0-9]+/g, "-")}.csv`;
  return (
    <section class={`panel ${props.class ?? ""}`} aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id}>{title}</h2>
        <div class="actions">
          <button
            type="button"
            class="quiet"
            aria-pressed={isTable}
            aria-label={`${title} as table`}
            disabled={data === null}
            onClick={() => setTable(!isTable)}
          >
            table
          </button>
          <button
            type="button"
            class="quiet"
            aria-label={`${title} as CSV`}
            disabled={data === null}
            onClick={() => data !== null && save(file, csvOf(table(data)))}
          >
            CSV
          </button>
          <button
            type="button"
            class="quiet"
            aria-label={`${title} as curl`}
            onClick={() => setCurl(true)}
          >
            curl
          </button>
        </div>
      </header>
      {tabs}
      <Body known={known}>
        {(data) => (isTable ? <Table data={table(data)} caption={title} /> : children(data))}
      </Body>
      {note !== undefined && <p class="note">{note}</p>}
      {hasCurl && (
        <CodeDialog
          title={`${title} as curl`}
          code={curlOf(call.question())}
          onClose={() => setCurl(false)}
        />
      )}
    </section>
  );
}

interface BodyProps<T> {
  readonly known: Known<T>;
  readonly children: (data: T) => ComponentChildren;
}

/** What is known, or why there is nothing. */
export function Body<T>({ known: { data, failure }, children }: BodyProps<T>) {
  if (data === null) {
    return failure === null ? <Waiting /> : <Sorry failure={failure} />;
  }
  return (
    <div class="panel-body" data-stale={failure !== null}>
      {children(data)}
      {failure !== null && failure.kind !== "key" && (
        <p class="late" role="status">
          Not up to date: {failure.sentence}
        </p>
      )}
    </div>
  );
}

function Waiting() {
  return (
    <div class="waiting" aria-busy="true">
      <span class="unseen">Loading</span>
    </div>
  );
}

const ADVICE: Record<Failure["kind"], string> = {
  key: "Enter a key to see this.",
  forbidden: "Choose a site of your key, or enter another key.",
  question: "Choose another period, zone or currency.",
  away: "The page keeps trying.",
};

function Sorry({ failure }: { readonly failure: Failure }) {
  return (
    <div class="sorry" role="status">
      <p>{failure.kind === "key" ? "This needs a key." : failure.sentence}</p>
      <p class="muted">{ADVICE[failure.kind]}</p>
      {(failure.kind === "key" || failure.kind === "forbidden") && (
        <button type="button" onClick={() => (wantsKey.value = "missing")}>
          Enter a key
        </button>
      )}
    </div>
  );
}
