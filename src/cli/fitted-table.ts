/** Rows as aligned columns. Knows nothing of what is in them. */
import { columnsOf, type OutputStream } from "./terminal.ts";
import { displayWidth, fitText, padText, visibleText } from "./text.ts";

/** Lines of a table: the first column gives way where they are wider than the terminal. */
export function fittedTable(
  stream: OutputStream,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string[] {
  const all = [head, ...rows].map((row) => row.map(visibleText));
  const widths = head.map((_, i) => Math.max(...all.map((row) => displayWidth(row[i] ?? ""))));
  const beyond = widths.reduce((sum, width) => sum + width + 2, -2) - (columnsOf(stream) - 1);
  // A pipe has no width: a program that cuts columns is not to find names cut already.
  if (stream.isTTY && beyond > 0) widths[0] = Math.max(12, widths[0]! - beyond);
  return all.map((row) =>
    row
      .map((cell, i) => padText(fitText(cell, widths[i]!), widths[i]!))
      .join("  ")
      .trimEnd(),
  );
}
