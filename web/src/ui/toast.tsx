/** A sentence about what was just done, which goes away by itself. */

import { signal } from "@preact/signals";

const SHOWN_MS = 3_000;

const sentence = signal("");
let timer: ReturnType<typeof setTimeout> | undefined;

export function say(text: string): void {
  sentence.value = text;
  clearTimeout(timer);
  timer = setTimeout(() => (sentence.value = ""), SHOWN_MS);
}

/** Copies a text, and says so. */
export async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied`);
  } catch {
    say("This browser does not allow copying here");
  }
}

export function Toast() {
  return (
    <div class="toast" role="status" data-shown={sentence.value !== ""}>
      {sentence.value}
    </div>
  );
}
