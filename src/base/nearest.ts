/** Finds what somebody probably meant to type. */

/** The name fewest edits away, if those are at most a third of its letters. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  if (name.length > 100) return undefined;
  const within = names.map((other) => ({ other, edits: edits(name, other) }));
  const [best] = within.filter(({ edits: n }) => 3 * n <= Math.max(3, name.length)).sort((a, b) => a.edits - b.edits);
  return best?.other;
}

/** Letters put in, left out, changed, or swapped with their neighbour (Damerau 1964). */
function edits(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const [above, row] = [rows[i - 1]!, [i]];
    for (let j = 1; j <= b.length; j++) {
      const change = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? rows[i - 2]![j - 2]! + 1 : change;
      row.push(Math.min(above[j]! + 1, row[j - 1]! + 1, change, swap));
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
