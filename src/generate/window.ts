/** Moves a cache along a text where every layer sees a window alone. Knows rotations; runs nothing. */
import type { Graph, Node, OpAttributes } from "../graph/types.ts";
import type { KvCache } from "./kv-cache.ts";

/** What a graph's attention needs of its past, and how its keys are turned. */
export interface Windows {
  /** Tokens that the widest layer sees, oneself among them. */
  readonly window: number;
  /** Undefined where keys are not turned. */
  readonly rotation: Rotation | undefined;
}

interface Rotation {
  /** Tables (positions, half), one row a position. */
  readonly cos: Float32Array;
  readonly sin: Float32Array;
  readonly half: number;
  readonly interleaved: boolean;
}

/** The windows of a graph over a cache, or undefined where a layer sees all or layers turn their keys unlike each other. */
export function windowsOf(graph: Graph): Windows | undefined {
  let widest = 0;
  const tables = new Set<string>();
  let rotation: Rotation | undefined;
  for (const node of graph.nodes) {
    const attributes = node.attributes as Partial<
      OpAttributes["GroupQueryAttention"] & OpAttributes["RotaryEmbedding"]
    >;
    if (node.op === "GroupQueryAttention") {
      if (attributes.window === undefined) return undefined;
      widest = Math.max(widest, attributes.window);
    }
    const isTurning = node.op === "RotaryEmbedding" || (node.op === "GroupQueryAttention" && attributes.doRotary);
    if (!isTurning) continue;
    const at = node.op === "RotaryEmbedding" ? 2 : 7;
    tables.add(node.inputs[at]!.name);
    rotation = rotationOf(graph, node, at, attributes.interleaved ?? attributes.rotaryInterleaved ?? false);
  }
  return widest > 0 && tables.size < 2 ? { window: widest, rotation } : undefined;
}

function rotationOf(graph: Graph, { inputs }: Node, at: number, interleaved: boolean): Rotation {
  const dataOf = (i: number) => graph.constants.find(({ value }) => value === inputs[i])!.data as Float32Array;
  return { cos: dataOf(at), sin: dataOf(at + 1), half: inputs[at]!.shape[1] as number, interleaved };
}

/**
 * Moves the last `kept` of `length` tokens of a float32 cache to its beginning, and turns their keys back by as many
 * positions: turned keys and queries meet by the difference of their positions alone (Su et al. 2021).
 */
export function slideCache(cache: KvCache, length: number, kept: number, rotation: Rotation | undefined): void {
  const { kvHeads, headDim } = cache.shape;
  const by = length - kept;
  for (const [name, { data }] of cache.tensors)
    for (let head = 0; head < kvHeads; head++) {
      const start = head * cache.capacity * headDim;
      data.copyWithin(start, start + by * headDim, start + length * headDim);
      if (rotation && kept > 0 && name.endsWith(".key"))
        turnBack(data.subarray(start, start + kept * headDim) as Float32Array, headDim, by, rotation);
    }
}

/** Turns rows of `width` elements back by the angles of a position. */
function turnBack(rows: Float32Array, width: number, position: number, rotation: Rotation): void {
  const { cos, sin, half, interleaved } = rotation;
  // Tables of YaRN are scaled as a whole; a turn by 0 shows by how much.
  const amplitude = cos[0]!;
  for (let i = 0; i < half; i++) {
    const [first, second] = interleaved ? [2 * i, 2 * i + 1] : [i, i + half];
    const [c, s] = [cos[position * half + i]! / amplitude, sin[position * half + i]! / amplitude];
    for (let row = 0; row < rows.length; row += width) {
      const [x, y] = [rows[row + first]!, rows[row + second]!];
      rows[row + first] = x * c + y * s;
      rows[row + second] = y * c - x * s;
    }
  }
}
