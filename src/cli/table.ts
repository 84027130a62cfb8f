/** Rows of text as columns of a terminal. Pure. */
import { displayWidth } from "./text.ts";

/** A table: the first column to the left, the others to the right, two spaces before each; a line each, no line ends. */
export function tableLines(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => displayWidth(row[column] ?? ""))));
  return all.map((row) =>
    widths
      .map((width, column) => {
        const text = row[column] ?? "";
        const space = " ".repeat(width - displayWidth(text));
        return `  ${column === 0 ? text + space : space + text}`;
      })
      .join("")
      .trimEnd(),
  );
}
