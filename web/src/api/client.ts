/** One call of the API, and what became of it. */

import { key, refused } from "../state/session";
import { noteTime } from "../time/clock";
import { parseJson } from "./json";

/** The API is beside the page, which may be below a path, as behind the local emulator. */
const BASE = new URL(".", location.href.replace(/[?#].*$/s, ""));

/** How long to wait for an answer. */
const TIMEOUT_MS = 30_000;

/** A question: a path and its parameters, of which those that are `null` are left out. */
export interface Question {
  readonly path: string;
  readonly parameters: Readonly<Record<string, string | null>>;
}

/** Why there is no answer. */
export interface Failure {
  /** `key`: no valid key; `forbidden`: not for this site; `question`: refused; `away`: retry. */
  readonly kind: "key" | "forbidden" | "question" | "away";
  readonly sentence: string;
}

export type Outcome =
  | {
      readonly kind: "answer";
      readonly data: unknown;
      readonly tag: string | null;
      /** When the API began it. */
      readonly computedAt: string | null;
    }
  | { readonly kind: "unchanged" }
  | { readonly kind: "failure"; readonly failure: Failure };

/** The URL of a question. */
export function urlOf({ path, parameters }: Question): string {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null) url.searchParams.set(name, value);
  }
  return url.href;
}

/** The command that asks the same question. It names the key, and does not show it. */
export function curlOf(question: Question): string {
  // What a shell could take for its own is percent-encoded, and the rest is quoted.
  const url = urlOf(question).replace(/'/g, "%27");
  return key.value === null ? `curl '${url}'` : `curl '${url}' -H "Authorization: Bearer $KEY"`;
}

/** Asks the API; `tag` is the ETag of the answer that is already known. */
export async function ask(question: Question, tag: string | null): Promise<Outcome> {
  const sent = key.value;
  const headers: Record<string, string> = { Accept: "application/json" };
  if (sent !== null) headers["Authorization"] = `Bearer ${sent}`;
  if (tag !== null) headers["If-None-Match"] = tag;
  let response: Response;
  let text: string;
  try {
    response = await fetch(urlOf(question), {
      headers,
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.status === 304) return { kind: "unchanged" };
    text = await response.text();
  } catch {
    return failure("away", "The API did not answer.");
  }
  let data: unknown;
  try {
    data = parseJson(text);
  } catch {
    return failure("away", `The API answered ${response.status}, and no JSON.`);
  }
  if (response.ok) {
    const [tag, computedAt] = ["ETag", "X-Computed-At"].map((name) => response.headers.get(name));
    if (computedAt) noteTime(computedAt);
    return { kind: "answer", data, tag: tag ?? null, computedAt: computedAt ?? null };
  }
  const sentence = sentenceOf(data) ?? `The API answered ${response.status}.`;
  if (response.status === 401) {
    refused(sent);
    return failure("key", sentence);
  }
  if (response.status === 403) return failure("forbidden", sentence);
  if (response.status < 500 && response.status !== 429) return failure("question", sentence);
  // `/health` answers 503 when the service is unavailable, and says why.
  if (response.status === 503 && typeof data === "object" && data !== null && "status" in data) {
    const { status } = data;
    if (typeof status === "string") {
      return { kind: "answer", data, tag: null, computedAt: null };
    }
  }
  return failure("away", sentence);
}

function failure(kind: Failure["kind"], sentence: string): Outcome {
  return { kind: "failure", failure: { kind, sentence } };
}

function sentenceOf(data: unknown): string | null {
  if (typeof data !== "object" || data === null) return null;
  const detail = "detail" in data ? data.detail : "message" in data ? data.message : null;
  return typeof detail === "string" ? detail : null;
}
