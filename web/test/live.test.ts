import { beforeEach, describe, expect, it, vi } from "vitest";

type Listener = () => void;

/** What listens to the page, and the page. */
const listeners = new Map<string, Set<Listener>>();
const page = {
  hidden: false,
  addEventListener: (name: string, listener: Listener) => {
    listeners.set(name, (listeners.get(name) ?? new Set()).add(listener));
  },
  removeEventListener: (name: string, listener: Listener) => {
    listeners.get(name)?.delete(listener);
  },
};

function hide(isHidden: boolean): void {
  page.hidden = isHidden;
  for (const listener of listeners.get("visibilitychange") ?? []) listener();
}

/** A socket that the test answers for. */
class FakeSocket {
  static readonly all: FakeSocket[] = [];
  readonly sent: string[] = [];
  isClosed = false;
  onopen: Listener | null = null;
  onclose: Listener | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;

  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.isClosed = true;
  }

  say(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

vi.stubGlobal("location", { href: "http://localhost/" });
vi.stubGlobal("window", page);
vi.stubGlobal("document", page);
vi.stubGlobal("WebSocket", FakeSocket);

const requests: ((data: unknown, computedAt?: string) => void)[] = [];
vi.stubGlobal("fetch", () => {
  return new Promise<Response>((resolve) => {
    requests.push((data, computedAt) => {
      const headers = computedAt === undefined ? {} : { "X-Computed-At": computedAt };
      resolve(Response.json(data, { headers }));
    });
  });
});

const { feed, isPushed, setPushed, tell } = await import("../src/api/feed");
const { listen } = await import("../src/api/live");
const { Resource } = await import("../src/api/resource");
const { setKey } = await import("../src/state/session");

const QUESTION = { path: "metrics/realtime", parameters: { site_id: "shop", currency: null } };
const at = (second: number) => `2026-11-21T12:00:0${second}.000Z`;
const realtime = (second: number) => ({
  type: "realtime",
  committed_at: null,
  computed_at: at(second),
  answer: { views: second },
});

function last(): FakeSocket {
  const socket = FakeSocket.all.at(-1);
  if (socket === undefined) throw new Error("no socket was opened");
  return socket;
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all.splice(0);
  requests.splice(0);
  page.hidden = false;
  setPushed(false);
  setKey(null);
});

describe("a socket", () => {
  const open = () => {
    const heard: unknown[] = [];
    const stop = listen("ws://localhost/live", QUESTION, (message) => heard.push(message));
    return { heard, stop };
  };

  it("has the question and the key in its URL, asks when it is open, and says so", () => {
    setKey("mb_1");
    const { heard, stop } = open();
    expect(last().url).toBe("ws://localhost/live?site_id=shop&key=mb_1");
    last().onopen?.();
    expect(last().sent).toEqual(['{"action":"get"}']);
    expect(isPushed.value).toBe(false);
    last().say(realtime(1));
    expect(isPushed.value).toBe(true);
    expect(heard).toHaveLength(1);
    stop();
    expect(isPushed.value).toBe(false);
    expect(last().isClosed).toBe(true);
  });

  it("is opened again, after longer and longer pauses, until it answers", () => {
    const { stop } = open();
    vi.spyOn(Math, "random").mockReturnValue(0.999);
    for (const [pause, sockets] of [
      [1_000, 2],
      [2_000, 3],
      [4_000, 4],
    ] as const) {
      last().onclose?.();
      vi.advanceTimersByTime(pause - 10);
      expect(FakeSocket.all).toHaveLength(sockets - 1);
      vi.advanceTimersByTime(10);
      expect(FakeSocket.all).toHaveLength(sockets);
    }
    last().onopen?.();
    last().say(realtime(1));
    last().onclose?.();
    expect(isPushed.value).toBe(false);
    vi.advanceTimersByTime(1_000);
    expect(FakeSocket.all).toHaveLength(5);
    stop();
    vi.advanceTimersByTime(300_000);
    expect(FakeSocket.all).toHaveLength(5);
  });

  it("that does not answer is given up", () => {
    const { stop } = open();
    last().onopen?.();
    last().say(realtime(1));
    // It asks once a minute, and is dead.
    vi.advanceTimersByTime(60_000);
    expect(last().sent).toHaveLength(2);
    vi.advanceTimersByTime(15_000);
    expect(isPushed.value).toBe(false);
    expect(FakeSocket.all[0]?.isClosed).toBe(true);
    vi.advanceTimersByTime(2_000);
    expect(FakeSocket.all.length).toBeGreaterThan(1);
    stop();
  });

  it("is closed while the page is hidden", () => {
    const { stop } = open();
    last().onopen?.();
    last().say(realtime(1));
    hide(true);
    expect(last().isClosed).toBe(true);
    expect(isPushed.value).toBe(false);
    vi.advanceTimersByTime(300_000);
    expect(FakeSocket.all).toHaveLength(1);
    hide(false);
    expect(FakeSocket.all).toHaveLength(2);
    stop();
  });

  it("whose key is not valid any more is not opened again", () => {
    const { heard, stop } = open();
    last().onopen?.();
    last().say({ type: "error", detail: "the key is not valid any more" });
    last().onclose?.();
    vi.advanceTimersByTime(300_000);
    expect(FakeSocket.all).toHaveLength(1);
    expect(heard).toHaveLength(1);
    stop();
  });

  it("says nothing that is no message", () => {
    const { heard, stop } = open();
    last().onopen?.();
    for (const data of ["junk", "7", "null", new Uint8Array()]) last().onmessage?.({ data });
    expect(heard).toHaveLength(0);
    stop();
  });
});

describe("a feed", () => {
  const count = (everyMs: number, soonMs?: number) => {
    const asked = { times: 0 };
    const stop = feed(everyMs, soonMs)(async () => {
      asked.times += 1;
      return true;
    });
    return { asked, stop };
  };
  const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);

  it("asks by the timer, and once a minute while changes are pushed", async () => {
    const { asked, stop } = count(5_000);
    await wait(10_100);
    expect(asked.times).toBe(3);
    setPushed(true);
    await wait(49_000);
    expect(asked.times).toBe(3);
    await wait(12_000);
    expect(asked.times).toBe(4);
    setPushed(false);
    await wait(5_000);
    expect(asked.times).toBe(5);
    stop();
    await wait(60_000);
    expect(asked.times).toBe(5);
  });

  it("asks at once when something has changed, once more, and not too often", async () => {
    const { asked, stop } = count(5_000, 1_500);
    setPushed(true);
    await wait(20_000);
    expect(asked.times).toBe(1);
    tell();
    await wait(10);
    expect(asked.times).toBe(2);
    for (let times = 0; times < 10; times += 1) {
      tell();
      await wait(100);
    }
    expect(asked.times).toBe(2);
    await wait(500);
    expect(asked.times).toBe(3);
    // An answer may lag behind the change.
    await wait(5_000);
    expect(asked.times).toBe(4);
    await wait(30_000);
    expect(asked.times).toBe(4);
    stop();
  });

  it("does not ask while the page is hidden, whatever changes", async () => {
    const { asked, stop } = count(5_000);
    hide(true);
    await wait(6_000);
    tell();
    await wait(60_000);
    expect(asked.times).toBe(1);
    hide(false);
    await wait(10);
    expect(asked.times).toBe(2);
    stop();
  });
});

describe("a pushed answer", () => {
  const CALL = { name: "realtime", question: () => QUESTION, everyMs: 60_000 };
  const answer = async (data: unknown, computedAt?: string) => {
    requests.shift()?.(data, computedAt);
    await vi.advanceTimersByTimeAsync(10);
  };

  it("never replaces a newer one, and no older answer replaces it", async () => {
    const resource = new Resource<unknown>(CALL);
    const leave = resource.use(CALL);
    resource.push({ views: 3 }, at(3));
    resource.push({ views: 2 }, at(2));
    expect(resource.known.value.data).toEqual({ views: 3 });
    await answer({ views: 1 }, at(1));
    expect(resource.known.value.data).toEqual({ views: 3 });
    resource.restart();
    expect(resource.known.value.data).toBeNull();
    await answer({ views: 5 }, at(5));
    resource.push({ views: 4 }, at(4));
    expect(resource.known.value.data).toEqual({ views: 5 });
    resource.push({ views: 6 }, at(6));
    expect(resource.known.value.data).toEqual({ views: 6 });
    leave();
  });

  it("is not asked for at once, but later", async () => {
    const resource = new Resource<unknown>({ ...CALL, everyMs: 5_000 });
    const leave = resource.use({ ...CALL, everyMs: 5_000 });
    setPushed(true);
    await answer({ views: 1 }, at(1));
    for (let times = 0; times < 4; times += 1) {
      resource.push({ views: times }, at(2 + times));
      tell();
      await vi.advanceTimersByTimeAsync(6_000);
    }
    expect(requests).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(requests).toHaveLength(1);
    leave();
  });
});
