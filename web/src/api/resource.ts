/** Answers that are kept up to date while somebody looks at them. */

import { type Signal, effect, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import { key } from "../state/session";
import { type Failure, type Question, ask } from "./client";
import { polling } from "./feed";

/** A question that is asked again and again. */
export interface Call<T> {
  /** The same for questions whose answers replace each other, as when only the time differs. */
  readonly name: string;
  /** The question, as it is asked now. */
  readonly question: () => Question;
  /** The pause between answers. */
  readonly everyMs: number;
  /** Only for the type of the answer. */
  readonly answer?: T;
}

/** What is known of the answer to a call. */
export interface Known<T> {
  readonly data: T | null;
  /** When the answer came, and when it was last confirmed. */
  readonly at: number;
  /** Why there is no newer answer; `null` if there is. */
  readonly failure: Failure | null;
}

const NOTHING: Known<never> = { data: null, at: 0, failure: null };

/** How many answers are kept that nobody looks at, so that going back shows them at once. */
const KEPT_MAX = 60;

class Resource<T> {
  readonly known: Signal<Known<T>> = signal(NOTHING);
  private tag: string | null = null;
  private asked = 0;
  private answered = 0;
  private users = 0;
  private stop: (() => void) | null = null;

  constructor(private call: Call<T>) {}

  /** Keeps it up to date until the returned function is called. */
  use(call: Call<T>): () => void {
    this.call = call;
    this.users += 1;
    this.stop ??= polling(call.everyMs)(() => this.ask());
    return () => {
      this.users -= 1;
      if (this.users > 0) return;
      this.stop?.();
      this.stop = null;
    };
  }

  get isUsed(): boolean {
    return this.users > 0;
  }

  /** Forgets the answer, as that of another key, and asks anew. */
  restart(): void {
    this.tag = null;
    this.answered = ++this.asked;
    this.known.value = NOTHING;
    if (this.stop === null) return;
    this.stop();
    this.stop = polling(this.call.everyMs)(() => this.ask());
  }

  private async ask(): Promise<boolean> {
    const number = ++this.asked;
    const outcome = await ask(this.call.question(), this.tag);
    // An answer that was overtaken by a later one is not shown.
    if (number < this.answered) return true;
    this.answered = number;
    const known = this.known.value;
    switch (outcome.kind) {
      case "failure":
        this.known.value = { ...known, failure: outcome.failure };
        // Another key or question is asked for at once; asking the same again seldom helps.
        return outcome.failure.kind === "question";
      case "unchanged":
        this.known.value = { ...known, at: Date.now(), failure: null };
        return true;
      case "answer": {
        const data = outcome.data as T;
        if (isOlder(data, known.data)) return true;
        this.tag = outcome.tag;
        this.known.value = { data, at: Date.now(), failure: null };
        return true;
      }
    }
  }
}

/** Whether an answer is of an earlier minute than another: servers' clocks may differ. */
function isOlder(data: unknown, known: unknown): boolean {
  const [asOf, knownAsOf] = [asOfOf(data), asOfOf(known)];
  return asOf !== null && knownAsOf !== null && asOf < knownAsOf;
}

function asOfOf(data: unknown): string | null {
  if (typeof data !== "object" || data === null || !("as_of" in data)) return null;
  return typeof data.as_of === "string" ? data.as_of : null;
}

const resources = new Map<string, Resource<unknown>>();

function resourceOf<T>(call: Call<T>): Resource<T> {
  const found = resources.get(call.name);
  // Moved to the end, so that the oldest are first.
  resources.delete(call.name);
  const resource = found ?? new Resource<unknown>(call);
  resources.set(call.name, resource);
  for (const [name, old] of resources) {
    if (resources.size <= KEPT_MAX) break;
    if (!old.isUsed && old !== resource) resources.delete(name);
  }
  return resource as Resource<T>;
}

let knownKey = key.peek();
effect(() => {
  if (key.value === knownKey) return;
  knownKey = key.value;
  for (const resource of resources.values()) resource.restart();
});

/** When each answer that is shown came, and whether a call fails. */
export interface Freshness {
  readonly at: number;
  readonly failure: Failure | null;
}

/** The freshness of what is shown; `at` is 0 before the first answer. */
export function freshness(): Freshness {
  let at = 0;
  let failure: Failure | null = null;
  for (const resource of resources.values()) {
    if (!resource.isUsed) continue;
    at = Math.max(at, resource.known.value.at);
    failure ??= resource.known.value.failure;
  }
  return { at, failure };
}

/** What is known of a call, which is kept up to date while the component is shown. */
export function useCall<T>(call: Call<T>): Known<T> {
  const resource = useMemo(() => resourceOf(call), [call.name]);
  useEffect(() => resource.use(call), [resource, call.everyMs]);
  return resource.known.value;
}
