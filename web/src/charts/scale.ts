/** Where numbers are drawn: round steps of an axis, and paths of SVG. */

/** The values of an axis: round, evenly spaced, around all numbers and zero. */
export function ticks(least: number, most: number, steps: number): number[] {
  const low = Math.min(0, least);
  const high = Math.max(0, most);
  if (low === high) return [0, 1];
  const raw = (high - low) / steps;
  const magnitude = 10 ** Math.floor(Math.log10(raw));
  const factor = [1, 2, 2.5, 5, 10].find((factor) => factor * magnitude >= raw) ?? 10;
  const step = factor * magnitude;
  const first = Math.floor(low / step);
  const last = Math.ceil(high / step);
  return Array.from({ length: last - first + 1 }, (_, index) => {
    // Multiplied rather than added up, and rid of what a double adds to 0.1 * 3.
    return Number(((first + index) * step).toPrecision(12));
  });
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A path through the points; a gap where there is none. */
export function linePath(points: readonly (Point | null)[]): string {
  let path = "";
  let isDown = false;
  for (const point of points) {
    if (point !== null) {
      path += `${isDown ? "L" : "M"}${round(point.x)} ${round(point.y)}`;
    }
    isDown = point !== null;
  }
  return path;
}

/** The area between the points and a base line; nothing if there are gaps. */
export function areaPath(points: readonly (Point | null)[], base: number): string {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last || points.includes(null)) return "";
  return `${linePath(points)}L${round(last.x)} ${base}L${round(first.x)} ${base}Z`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** At most so many of the indices below `length`, evenly spaced from the first. */
export function labelled(length: number, most: number): number[] {
  const steps = [1, 2, 3, 4, 6, 7, 8, 12, 14, 24, 28, 48, 60, 96, 168, 336];
  const step = steps.find((step) => length / step <= most) ?? Math.ceil(length / most);
  const indices = [];
  for (let index = 0; index < length; index += step) indices.push(index);
  return indices;
}
