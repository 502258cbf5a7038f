/** A table: what a panel shows, as rows. */

import type { Figure } from "../api/json";
import type { Unit } from "./numbers";

export interface Column {
  readonly label: string;
  /** What its numbers count; a column without it has texts. */
  readonly unit?: Unit;
}

export interface TableData {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly (Figure | null)[])[];
  readonly currency?: string | undefined;
}

/** A first character that makes spreadsheets take a text for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

function cell(value: Figure | null, isText: boolean): string {
  if (value === null) return "";
  const text = String(value);
  if (!isText) return text;
  const harmless = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replace(/"/g, '""')}"` : harmless;
}

/** The table as CSV (RFC 4180): numbers as the API answered them. */
export function csvOf({ columns, rows, currency }: TableData): string {
  const label = ({ label, unit }: Column) =>
    (unit === "money" || unit === "average") && currency !== undefined
      ? `${label} (${currency})`
      : label;
  const lines = [columns.map((column) => cell(label(column), true)).join(",")];
  for (const row of rows) {
    const cells = row.map((value, index) => cell(value, columns[index]?.unit === undefined));
    lines.push(cells.join(","));
  }
  return `${lines.join("\r\n")}\r\n`;
}
