import { describe, expect, it } from "vitest";

import { START, formatView, parseView } from "../src/state/view";

describe("the view in the URL", () => {
  it("is empty at the start", () => {
    expect(formatView(START)).toBe("#/");
    expect(parseView("")).toEqual(START);
  });

  it("is read as it was written, whatever names are in it", () => {
    for (const item of ["23", "a/b?c#d", "<b>&amp;", "\u202Egpj.exe", "100%", "ä+ö ü", "."]) {
      const view = {
        ...START,
        page: "item",
        item,
        site: "shop <1>&x=y",
        period: { kind: "week", at: "2026-11-20" },
        compare: "year",
        zone: "Asia/Kolkata",
        currency: "INR",
        by: "brand",
        measure: "sales",
      } as const;
      expect(parseView(formatView(view))).toEqual(view);
    }
  });

  it("has its defaults for whatever is unknown", () => {
    const view = parseView(
      "#/nowhere?period=eon&at=2026-02-30&tz=Moon/Crater&currency=%3Cb%3E&chart=x",
    );
    expect(view).toEqual(START);
    expect(parseView("#/items/%E0%A4%A").item).toBe("%E0%A4%A");
  });
});
