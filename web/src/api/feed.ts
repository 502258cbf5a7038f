/**
 * When to ask again. A feed calls back whenever an answer may have changed; today it is a timer.
 * A feed of pushed changes can take its place without a change elsewhere.
 */

/**
 * Calls back when it is time to ask, until the returned function is called. The callback says
 * whether it got an answer.
 */
export type Feed = (ask: () => Promise<boolean>) => () => void;

/** The longest pause after errors. */
const PAUSE_MAX_MS = 120_000;

/** Those that ask at once when the page is shown again or the network is back. */
const waiting = new Set<() => void>();

function wake(): void {
  if (document.hidden) return;
  for (const start of [...waiting]) start();
}

document.addEventListener("visibilitychange", wake);
window.addEventListener("online", wake);

/**
 * Asks at once, and again this long after each answer. It asks nothing while the page is hidden,
 * and doubles the pause after each failure.
 */
export function polling(everyMs: number): Feed {
  return (ask) => {
    let isStopped = false;
    let failures = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async () => {
      waiting.delete(start);
      if (document.hidden) {
        waiting.add(start);
        return;
      }
      const isGood = await ask();
      if (isStopped) return;
      failures = isGood ? 0 : failures + 1;
      const pause = Math.max(everyMs, Math.min(everyMs * 2 ** failures, PAUSE_MAX_MS));
      timer = setTimeout(() => void run(), pause);
      if (!isGood) waiting.add(start);
    };
    const start = () => {
      clearTimeout(timer);
      void run();
    };
    start();
    return () => {
      isStopped = true;
      clearTimeout(timer);
      waiting.delete(start);
    };
  };
}
