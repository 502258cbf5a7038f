/**
 * When to ask again. A feed calls back whenever an answer may have changed: by a timer and, while a
 * socket announces changes (`live.ts`), when there is one.
 */

import { signal } from "@preact/signals";

/**
 * Calls back when it is time to ask, until the returned function is called. The callback says
 * whether it got an answer.
 */
export type Feed = (ask: () => Promise<boolean>) => () => void;

/** The longest pause after errors. */
const PAUSE_MAX_MS = 120_000;

/** How often to ask while changes are pushed: current numbers also change as time passes. */
const WHILE_PUSHED_MS = 60_000;

/** Whether a socket announces changes. */
export const isPushed = signal(false);

/** A feed that runs. */
interface Running {
  /** Asks now. */
  readonly start: () => void;
  /** Asks soon, because something has changed. */
  readonly hear: () => void;
  /** Restarts the timer, because changes are pushed from now on, or no longer. */
  readonly reset: () => void;
}

const running = new Set<Running>();

/** Those that ask at once when the page is shown again or the network is back. */
const waiting = new Set<Running>();

function wake(): void {
  if (document.hidden) return;
  for (const feed of [...waiting]) feed.start();
}

document.addEventListener("visibilitychange", wake);
window.addEventListener("online", wake);

/** Notes whether a socket announces changes from now on. */
export function setPushed(pushed: boolean): void {
  if (isPushed.peek() === pushed) return;
  isPushed.value = pushed;
  for (const feed of [...running]) feed.reset();
}

/** Tells all feeds that something has changed. */
export function tell(): void {
  for (const feed of [...running]) feed.hear();
}

/**
 * Asks at once, and again this long after each answer. While a socket announces changes, it asks
 * when there is one, but not sooner than `soonMs` after the last question, and otherwise once a
 * minute. It asks nothing while the page is hidden, and doubles the pause after each failure.
 */
export function feed(everyMs: number, soonMs = everyMs): Feed {
  return (ask) => {
    let isStopped = false;
    let isAsking = false;
    let hasChanged = false;
    // Whether the next question is to be asked soon, since an answer may lag behind the change.
    let isUnsettled = false;
    let failures = 0;
    let askedAt = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async () => {
      waiting.delete(own);
      if (document.hidden) {
        waiting.add(own);
        return;
      }
      isAsking = true;
      isUnsettled = hasChanged;
      hasChanged = false;
      askedAt = Date.now();
      const isGood = await ask();
      isAsking = false;
      if (isStopped) return;
      failures = isGood ? 0 : failures + 1;
      if (!isGood) waiting.add(own);
      schedule();
    };
    const pause = () => {
      if (failures > 0) {
        return Math.max(everyMs, Math.min(everyMs * 2 ** failures, PAUSE_MAX_MS));
      }
      if (hasChanged) return soonMs;
      return isPushed.peek() && !isUnsettled ? Math.max(everyMs, WHILE_PUSHED_MS) : everyMs;
    };
    const schedule = () => {
      clearTimeout(timer);
      const since = hasChanged || failures === 0 ? Date.now() - askedAt : 0;
      timer = setTimeout(() => void run(), Math.max(0, pause() - since));
    };
    const own: Running = {
      start: () => {
        clearTimeout(timer);
        void run();
      },
      hear: () => {
        // What can only be corrected is asked for once a minute anyway.
        if (hasChanged || failures > 0 || everyMs >= WHILE_PUSHED_MS) return;
        hasChanged = true;
        if (!isAsking && !waiting.has(own)) schedule();
      },
      reset: () => {
        if (!isAsking && failures === 0 && !waiting.has(own)) schedule();
      },
    };
    running.add(own);
    own.start();
    return () => {
      isStopped = true;
      clearTimeout(timer);
      running.delete(own);
      waiting.delete(own);
    };
  };
}
