import { beforeEach, describe, expect, it, vi } from "vitest";

/** The requests that wait for an answer, in the order in which they were sent. */
const requests: ((data: unknown) => void)[] = [];

vi.stubGlobal("location", { href: "http://localhost/" });
vi.stubGlobal("window", { addEventListener: () => undefined });
vi.stubGlobal("document", { hidden: false, addEventListener: () => undefined });
vi.stubGlobal("fetch", () => {
  return new Promise<Response>((resolve) => {
    requests.push((data) => resolve(Response.json(data)));
  });
});

// The modules look for the page as soon as they are loaded.
const { Resource } = await import("../src/api/resource");

const CALL = {
  name: "overview",
  question: () => ({ path: "overview", parameters: {} }),
  everyMs: 60_000,
};

/** Answers the request at this place, and waits until the answer has been read. */
async function answer(index: number, data: unknown): Promise<void> {
  requests.splice(index, 1)[0]?.(data);
  await new Promise((resolve) => setTimeout(resolve, 10));
}

beforeEach(() => void requests.splice(0));

describe("an answer", () => {
  it("does not replace that of a later request", async () => {
    const resource = new Resource(CALL);
    // Somebody leaves the page and comes back before the first answer.
    resource.use(CALL)();
    const leave = resource.use(CALL);
    expect(requests).toHaveLength(2);
    await answer(1, { views: 2 });
    expect(resource.known.value.data).toEqual({ views: 2 });
    await answer(0, { views: 1 });
    expect(resource.known.value.data).toEqual({ views: 2 });
    leave();
  });

  it("to another key is not shown", async () => {
    const resource = new Resource(CALL);
    const leave = resource.use(CALL);
    resource.restart();
    await answer(0, { views: 1 });
    expect(resource.known.value.data).toBeNull();
    await answer(0, { views: 2 });
    expect(resource.known.value.data).toEqual({ views: 2 });
    leave();
  });

  it("of an earlier minute does not replace a newer one", async () => {
    const resource = new Resource(CALL);
    resource.use(CALL)();
    const leave = resource.use(CALL);
    await answer(0, { views: 2, as_of: "2026-11-21T12:08:00Z" });
    await answer(0, { views: 1, as_of: "2026-11-21T12:07:00Z" });
    expect(resource.known.value.data).toMatchObject({ views: 2 });
    leave();
  });
});
