/** The icons, each drawn with the colour of the text around it. */

function icon(path: string) {
  return () => (
    <svg
      class="icon"
      viewBox="0 0 16 16"
      width="16"
      height="16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={path} />
    </svg>
  );
}

export const Sun = icon(
  "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6M8 1v1M8 14v1M1 8h1M14 8h1" +
    "M3 3l.7.7M12.3 12.3l.7.7M3 13l.7-.7M12.3 3.7l.7-.7",
);
export const Moon = icon("M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7Z");
export const Link = icon(
  "M6.5 9.5l3-3M7 4.5l1.2-1.2a3.1 3.1 0 0 1 4.5 4.5L11.5 9" +
    "M9 11.5l-1.2 1.2a3.1 3.1 0 0 1-4.5-4.5L4.5 7",
);
export const Search = icon("M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.5 10.5l3 3");
export const Left = icon("M10 3.5L5.5 8l4.5 4.5");
export const Right = icon("M6 3.5L10.5 8L6 12.5");
export const Close = icon("M4 4l8 8M12 4l-8 8");
export const Help = icon(
  "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8" +
    "M6.2 6.3a1.9 1.9 0 1 1 2.7 1.7c-.6.3-.9.7-.9 1.3M8 11.4v.1",
);
