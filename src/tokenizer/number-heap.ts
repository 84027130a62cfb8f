/** A binary min-heap of floats in one typed array. Knows nothing of what the keys mean. */

/** The least key first. */
export interface NumberHeap {
  readonly size: number;
  push(key: number): void;
  /** Takes the least key out; the heap must not be empty. */
  pop(): number;
}

/** An empty heap with room for `capacity` keys before it first grows. */
export function numberHeap(capacity: number): NumberHeap {
  let keys = new Float64Array(Math.max(16, capacity));
  let size = 0;
  return {
    get size() {
      return size;
    },
    push(key) {
      if (size === keys.length) {
        const larger = new Float64Array(size * 2);
        larger.set(keys);
        keys = larger;
      }
      let i = size++;
      while (i > 0) {
        const parent = (i - 1) >> 1;
        if (keys[parent]! <= key) break;
        keys[i] = keys[parent]!;
        i = parent;
      }
      keys[i] = key;
    },
    pop() {
      const top = keys[0]!;
      const key = keys[--size]!;
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= size) break;
        if (child + 1 < size && keys[child + 1]! < keys[child]!) child++;
        if (keys[child]! >= key) break;
        keys[i] = keys[child]!;
        i = child;
      }
      keys[i] = key;
      return top;
    },
  };
}
