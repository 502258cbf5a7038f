import { describe, expect, it } from "vitest";

import { labelled, ticks } from "../src/charts/scale";
import { parseJson } from "../src/api/json";
import { changeOf, exact, periodLabel } from "../src/text/numbers";
import { csvOf } from "../src/text/table";
import { isolated, visible } from "../src/text/visible";

describe("numbers", () => {
  it("keep all their digits, from the answer to the page", () => {
    expect(parseJson('{"a":[0.10,12.50,-3]}')).toEqual({ a: [0.1, 12.5, -3] });
    // Browsers and newer versions of Node hand the source to revivers; Node 20 does not.
    const parse = JSON.parse as (text: string, reviver: (...of: unknown[]) => unknown) => unknown;
    const hasSource = parse("1", (_name, _value, context) => context !== undefined);
    const long = "90071992547409931.25";
    expect(parseJson(`[${long},-0.${long.slice(0, 15)}]`)).toEqual([
      hasSource ? long : Number(long),
      -0.900719925474099,
    ]);
    expect(exact("90071992547409931.25", "money", "USD")).toBe("$90,071,992,547,409,931.25");
    expect(exact(40, "money", "USD")).toBe("$40.00");
    expect(exact(40.125, "money", "USD")).toBe("$40.125");
    expect(exact(146.646_667, "average", "USD")).toBe("$146.65");
    expect(exact(40, "money", "JPY")).toBe("¥40");
    expect(exact("12345678901234567890")).toBe("12,345,678,901,234,567,890");
    expect(exact(0.031_25, "ratio")).toBe("3.13%");
    expect(exact(null)).toBe("–");
  });

  it("change in percent, if there is something to compare with", () => {
    expect(changeOf(110, 100)).toEqual({ direction: "up", text: "+10%" });
    expect(changeOf("99.5", 100)).toEqual({ direction: "down", text: "-0.5%" });
    expect(changeOf(5, 0)).toEqual({ direction: "up", text: "new" });
    expect(changeOf(0, 0)?.direction).toBe("same");
    expect(changeOf(5, null)).toBeNull();
  });

  it("label a period by its own clock", () => {
    expect(periodLabel("2026-11-20T09:00:00+05:30", "hour")).toMatch(/^0?9:00/);
    expect(periodLabel("2026-11-20T00:00:00+01:00", "day")).toBe("Nov 20");
  });
});

describe("text from outside", () => {
  it("shows what is there", () => {
    expect(visible("a\u202Egpj.exe\u0000\u200B")).toBe("a\uFFFDgpj.exe\uFFFD\uFFFD");
    expect(visible("<b>עגלה</b>")).toBe("<b>עגלה</b>");
    expect(isolated("x")).toBe("\u2068x\u2069");
  });

  it("is harmless in CSV, and numbers are as they were", () => {
    const csv = csvOf({
      columns: [{ label: "item" }, { label: "sales", unit: "money" }],
      rows: [
        ['=1+1,"x"', "-12.50"],
        ["a\nb", null],
      ],
      currency: "EUR",
    });
    expect(csv).toBe('item,sales (EUR)\r\n"\'=1+1,""x""",-12.50\r\n"a\nb",\r\n');
  });
});

describe("axes", () => {
  it("have round steps around all numbers and zero", () => {
    expect(ticks(0, 97, 4)).toEqual([0, 25, 50, 75, 100]);
    expect(ticks(-30, 60, 4)).toEqual([-50, -25, 0, 25, 50, 75]);
    expect(ticks(0, 0.3, 3)).toEqual([0, 0.1, 0.2, 0.3]);
    expect(ticks(0, 0, 4)).toEqual([0, 1]);
  });

  it("have as many labels as fit", () => {
    expect(labelled(24, 8)).toEqual([0, 3, 6, 9, 12, 15, 18, 21]);
    expect(labelled(1, 8)).toEqual([0]);
  });
});
