/** Answers that are kept up to date while the page shows them. */

import { type Signal, effect, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import { key } from "../state/session";
import { type Failure, type Question, ask } from "./client";
import { feed, isPushed, tell } from "./feed";
import { type Message, listen } from "./live";

/** A question that the page repeats for as long as it shows the answer. */
export interface Call<T> {
  /** The same for questions whose answers replace each other, as when only the time differs. */
  readonly name: string;
  /** The question to ask now: its times may move on. */
  readonly question: () => Question;
  /** The pause between answers. */
  readonly everyMs: number;
  /** The shortest pause when something has changed; without it that between answers. */
  readonly soonMs?: number;
  /** Only for the type of the answer. */
  readonly answer?: T;
}

/** What is known of the answer to a call. */
export interface Known<T> {
  readonly data: T | null;
  /** When the answer came or was last confirmed, in milliseconds since 1970; 0 without one. */
  readonly at: number;
  /** Why the last question failed; `null` if it did not. */
  readonly failure: Failure | null;
}

const NOTHING: Known<never> = { data: null, at: 0, failure: null };

/** For how long a pushed answer is not asked for again, while newer ones would be pushed, too. */
const PUSHED_MS = 10_000;

/** How many answers are kept, so that going back shows them at once. */
const KEPT_MAX = 60;

/** The newest answer to a call. */
export class Resource<T> {
  readonly known: Signal<Known<T>> = signal(NOTHING);
  private tag: string | null = null;
  /** When the API began the answer. */
  private computedAt: string | null = null;
  /** When the answer was pushed; 0 if it was asked for. */
  private pushedAt = 0;
  private asked = 0;
  private answered = 0;
  private users = 0;
  private stop: (() => void) | null = null;

  constructor(private call: Call<T>) {}

  /** Keeps it up to date until the returned function is called. */
  use(call: Call<T>): () => void {
    this.call = call;
    this.users += 1;
    this.stop ??= this.poll();
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

  /** Forgets the answer, which another key may not see, and asks anew. */
  restart(): void {
    this.tag = null;
    this.computedAt = null;
    this.pushedAt = 0;
    this.answered = ++this.asked;
    this.known.value = NOTHING;
    if (this.stop === null) return;
    this.stop();
    this.stop = this.poll();
  }

  private poll(): () => void {
    return feed(this.call.everyMs, this.call.soonMs)(() => this.ask());
  }

  /** Takes an answer that was pushed, unless a newer one is known. */
  push(data: unknown, computedAt: string): void {
    if (this.isBefore(computedAt) || isOlder(data, this.known.value.data)) return;
    this.tag = null;
    this.computedAt = computedAt;
    this.pushedAt = Date.now();
    this.known.value = { data: data as T, at: Date.now(), failure: null };
  }

  /** Whether the known answer was begun later than this one. */
  private isBefore(computedAt: string | null): boolean {
    return this.computedAt !== null && computedAt !== null && computedAt < this.computedAt;
  }

  private async ask(): Promise<boolean> {
    if (isPushed.peek() && Date.now() - this.pushedAt < PUSHED_MS) return true;
    const number = ++this.asked;
    const outcome = await ask(this.call.question(), this.tag);
    // A later question has been answered already.
    if (number < this.answered) return true;
    this.answered = number;
    const known = this.known.value;
    switch (outcome.kind) {
      case "failure":
        this.known.value = { ...known, failure: outcome.failure };
        return false;
      case "unchanged":
        this.known.value = { ...known, at: Date.now(), failure: null };
        return true;
      case "answer": {
        const data = outcome.data as T;
        if (isOlder(data, known.data) || this.isBefore(outcome.computedAt)) return true;
        this.tag = outcome.tag;
        this.computedAt = outcome.computedAt;
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

/**
 * Listens for changes that concern the answer to a call, while the component is shown, if there is
 * a socket to listen at. A pushed answer is that of the call; all others are asked for.
 */
export function useChanges<T>(url: string | null, call: Call<T>): void {
  const sent = key.value;
  useEffect(() => {
    if (url === null) return;
    const hear = ({ type, answer, computed_at, committed_at }: Message) => {
      if (type === "error") return tell();
      if (answer !== undefined) resources.get(call.name)?.push(answer, computed_at);
      // A page that has asked knows of no change; others ask, but not all at once.
      if (committed_at === null && type === "realtime") return;
      setTimeout(tell, type === "changed" ? Math.random() * 1_000 : 0);
    };
    return listen(url, call.question(), hear);
  }, [url, call.name, sent]);
}

/** How fresh the answers are that the page shows. */
export interface Freshness {
  readonly at: number;
  readonly failure: Failure | null;
}

/** When the newest answer came (0 before the first), and why a call fails, if one does. */
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
