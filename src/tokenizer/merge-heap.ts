/** A priority queue of pairs to merge. Knows the order of `BpeTrainer`: most frequent first, then the lower pair of ids. */

/** A pair, its count when it was offered, and where it was seen. */
export interface Candidate {
  readonly pair: number;
  readonly left: number;
  readonly right: number;
  readonly count: number;
  readonly where: number;
}

/** The best candidate first. */
export interface MergeHeap {
  push(candidate: Candidate): void;
  pop(): Candidate | undefined;
}

/** An empty queue. */
export function mergeHeap(): MergeHeap {
  const items: Candidate[] = [];
  return {
    push(candidate) {
      let i = items.push(candidate) - 1;
      while (i > 0) {
        const parent = (i - 1) >> 1;
        if (!isBefore(candidate, items[parent]!)) break;
        items[i] = items[parent]!;
        i = parent;
      }
      items[i] = candidate;
    },
    pop() {
      const top = items[0];
      const last = items.pop();
      if (last === undefined || items.length === 0) return top;
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= items.length) break;
        if (child + 1 < items.length && isBefore(items[child + 1]!, items[child]!)) child++;
        if (!isBefore(items[child]!, last)) break;
        items[i] = items[child]!;
        i = child;
      }
      items[i] = last;
      return top;
    },
  };
}

function isBefore(a: Candidate, b: Candidate): boolean {
  if (a.count !== b.count) return a.count > b.count;
  return a.left !== b.left ? a.left < b.left : a.right < b.right;
}
