/** The socket that announces changes. It is closed while the page is hidden, and opened again. */

import { key } from "../state/session";
import type { Question } from "./client";
import { setPushed } from "./feed";
import { parseJson } from "./json";

/** A message of the API. */
export interface Message {
  /** `realtime` has an answer, and `changed` has none; `error` is the last of a socket. */
  readonly type: "realtime" | "changed" | "error";
  /** When the newest change was made; `null` if the page has asked. */
  readonly committed_at: string | null;
  readonly computed_at: string;
  readonly answer?: unknown;
}

/** The pauses before the socket is opened again: they double with each failure, up to a maximum. */
const FIRST_PAUSE_MS = 1_000;
const PAUSE_MAX_MS = 60_000;

/** How often the page asks, which keeps the socket open and detects a dead one. */
const ASK_MS = 60_000;

/** How long the answer may take before the socket is given up. */
const ANSWER_MS = 15_000;

const GET = JSON.stringify({ action: "get" });

/** The URL of the socket. The key is in it, since browsers send no headers with sockets. */
function socketUrl(url: string, { parameters }: Question): string {
  const socket = new URL(url);
  for (const [name, value] of Object.entries({ ...parameters, key: key.peek() })) {
    if (value !== null) socket.searchParams.set(name, value);
  }
  return socket.href;
}

function messageOf(data: unknown): Message | null {
  try {
    const message = typeof data === "string" ? parseJson(data) : null;
    const isMessage = typeof message === "object" && message !== null && "type" in message;
    return isMessage ? (message as Message) : null;
  } catch {
    return null;
  }
}

/**
 * Opens a socket for a question, and again when it is closed, until the returned function is
 * called.
 */
export function listen(
  url: string,
  question: Question,
  hear: (message: Message) => void,
): () => void {
  let socket: WebSocket | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let isStopped = false;

  const close = () => {
    clearTimeout(timer);
    const open = socket;
    socket = null;
    open?.close();
    setPushed(false);
  };
  const later = () => {
    close();
    if (isStopped || document.hidden) return;
    const longest = Math.min(FIRST_PAUSE_MS * 2 ** failures, PAUSE_MAX_MS);
    failures += 1;
    // Drawn at random, so that many pages do not come back at once.
    timer = setTimeout(open, Math.random() * longest);
  };
  const ask = (own: WebSocket) => {
    own.send(GET);
    timer = setTimeout(later, ANSWER_MS);
  };
  const open = () => {
    close();
    const own = new WebSocket(socketUrl(url, question));
    socket = own;
    timer = setTimeout(later, ANSWER_MS);
    own.onopen = () => {
      if (own !== socket) return;
      clearTimeout(timer);
      ask(own);
    };
    own.onmessage = ({ data }) => {
      const message = messageOf(data);
      if (own !== socket || message === null) return;
      if (message.type === "error") {
        // The key is not valid any more: the page asks for another, and then listens anew.
        isStopped = true;
        close();
      } else {
        failures = 0;
        setPushed(true);
        clearTimeout(timer);
        timer = setTimeout(() => ask(own), ASK_MS);
      }
      hear(message);
    };
    own.onclose = () => {
      if (own === socket) later();
    };
  };
  const look = () => {
    if (isStopped) return;
    if (document.hidden) close();
    else if (socket === null) open();
  };
  document.addEventListener("visibilitychange", look);
  window.addEventListener("online", look);
  look();
  return () => {
    isStopped = true;
    document.removeEventListener("visibilitychange", look);
    window.removeEventListener("online", look);
    close();
  };
}
