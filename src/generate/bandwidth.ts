/** Measures how fast this machine's memory is read. Knows no model. */
import { fail } from "../base/errors.ts";
import { createOwner } from "../base/owner.ts";
import { createGraph, input, output } from "../graph/build.ts";
import { reduceSum } from "../graph/functions.ts";
import { lowerGraph } from "../graph/lower.ts";
import type { Host } from "../host/types.ts";
import type { Runtime } from "../runtime/types.ts";

/** Measures how fast memory is read, again and again. */
export interface BandwidthMeter extends Disposable {
  measure(): Promise<void>;
  /** Bytes a second, the best so far. */
  best(): number;
}

/** Larger than any cache, in rows that share out well among threads. */
const [ROWS, COLUMNS] = [4096, 2 ** 14];

/** Sums a large array with so many threads: the least work that reads every byte. */
export async function bandwidthMeter(host: Host, runtime: Runtime, threads: number): Promise<BandwidthMeter> {
  const graph = createGraph("read-bandwidth");
  output(graph, "sum", reduceSum(input(graph, "data", "float32", [ROWS, COLUMNS])));
  const { own, dispose } = createOwner();
  try {
    const session = own(
      await runtime.session(
        lowerGraph(graph, () => fail("BUG", "no parameter")),
        { threads },
      ),
    );
    const data = own(runtime.tensor("float32", [ROWS, COLUMNS]));
    // Pages that were never written are all the same one, and would be read from the cache.
    data.data.fill(1);
    const binding = own(session.bind({ data }, { sum: own(runtime.tensor("float32", [1, 1])) }));
    let best = 0;
    return {
      async measure() {
        for (let i = 0; i < 3; i++) {
          const start = host.nowMs();
          await binding.run();
          best = Math.max(best, (1000 * data.byteLength) / (host.nowMs() - start));
        }
      },
      best: () => best,
      [Symbol.dispose]: dispose,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}
