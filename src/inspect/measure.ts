/** Short measurements of this machine: how fast it multiplies matrices and reads memory. Knows no model. */
import { createOwner } from "../base/owner.ts";
import { bandwidthMeter } from "../generate/bandwidth.ts";
import { createGraph, input, output } from "../graph/build.ts";
import { matMul } from "../graph/functions.ts";
import { lowerGraph } from "../graph/lower.ts";
import type { Host } from "../host/types.ts";
import type { Runtime } from "../runtime/types.ts";

/** Of a square product: large enough to be computed at full speed, small enough to be done in an instant. */
const SIZE = 1024;

/** What float32 matrix products did. */
export interface ProductSpeed {
  /** Float operations a second, the best of some equal products. */
  readonly flopsPerSecond: number;
  /** The middle one's speed over the best: near 1 on a machine that has nothing else to do. */
  readonly steadiness: number;
}

/** Multiplies matrices again and again for `forMs`, three times at least. */
export async function measureFlops(host: Host, runtime: Runtime, threads: number, forMs = 800): Promise<ProductSpeed> {
  using owner = createOwner();
  const graph = createGraph("sgemm");
  const [a, b] = ["a", "b"].map((name) => input(graph, name, "float32", [SIZE, SIZE]));
  output(graph, "product", matMul(a!, b!));
  const session = owner.own(
    await runtime.session(
      lowerGraph(graph, () => ({ kind: "input" })),
      { threads },
    ),
  );
  const [x, y, product] = [1, 2, 0].map((value) => {
    const tensor = owner.own(runtime.tensor("float32", [SIZE, SIZE]));
    tensor.data.fill(value / SIZE);
    return tensor;
  });
  const binding = owner.own(session.bind({ a: x!, b: y! }, { product: product! }));
  await binding.run();
  const times = await timesOf(host, forMs, () => binding.run());
  const [best, middle] = [times[0]!, times[times.length >> 1]!];
  return { flopsPerSecond: (2 * SIZE ** 3 * 1000) / best, steadiness: best / middle };
}

/** Bytes a second that `threads` read of memory: the best of a few times. */
export async function measureBandwidth(host: Host, runtime: Runtime, threads: number, rounds = 2): Promise<number> {
  using meter = await bandwidthMeter(host, runtime, threads);
  for (let i = 0; i < rounds; i++) await meter.measure();
  return meter.best();
}

/** Milliseconds of each run, the shortest first. */
async function timesOf(host: Host, forMs: number, run: () => void | Promise<void>): Promise<number[]> {
  const start = host.nowMs();
  const times: number[] = [];
  while (times.length < 3 || host.nowMs() - start < forMs) {
    const before = host.nowMs();
    await run();
    times.push(host.nowMs() - before);
  }
  return times.sort((a, b) => a - b);
}

/** What a disk did, in bytes a second. */
export interface DiskSpeed {
  /** With the bytes on the disk at its end. */
  readonly write: number;
  /** Of what was just written: most systems have it in memory still. */
  readonly readCached: number;
}

const DISK_BYTES = 2 ** 26;

/** Writes 64 MiB into a folder until they are durable, reads them again and removes them. */
export function measureDisk(host: Host, folder: string): DiskSpeed {
  const file = host.join(folder, `ownlm-doctor-${host.processId}.tmp`);
  const bytes = new Uint8Array(DISK_BYTES);
  // Bytes that some file systems could leave out would be written in no time.
  for (let i = 0; i < bytes.length; i += 8) bytes[i] = (i * 2_654_435_761) >>> 24;
  try {
    const start = host.nowMs();
    const writer = host.createFile(file);
    try {
      writer.write(bytes);
      writer.finish();
    } catch (error) {
      writer.abandon();
      throw error;
    }
    const written = host.nowMs();
    host.readInto(file, 0, bytes);
    const read = host.nowMs();
    return { write: perSecond(written - start), readCached: perSecond(read - written) };
  } finally {
    host.remove(file);
  }
}

const perSecond = (ms: number) => (DISK_BYTES * 1000) / Math.max(ms, 0.01);
