/** The width that an element has, so that a chart can be drawn in pixels. */

import { type RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";

export function useWidth(element: RefObject<HTMLElement>, start: number): number {
  const [width, setWidth] = useState(start);
  useLayoutEffect(() => {
    const observed = element.current;
    if (observed === null) return;
    setWidth(observed.clientWidth || start);
    const observer = new ResizeObserver(() => setWidth(observed.clientWidth || start));
    observer.observe(observed);
    return () => observer.disconnect();
  }, []);
  return width;
}
