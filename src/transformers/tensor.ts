/** Tensors of ids as transformers.js has them: rows that can be indexed, sliced and listed. Knows no models. */
import { fail } from "../base/errors.ts";

/** Ids as programs give them. */
export type Ids = Tensor | ArrayLike<number | bigint> | Iterable<number | bigint>;

/** A part of an axis: one index, all of it, or from a start to an end, which count from the back where they are negative. */
export type Slice = number | null | readonly [start: number | null, end: number | null];

/** int64 numbers in row-major order. A row is `tensor[i]`, a tensor of one axis less. */
export class Tensor {
  readonly type: string;
  readonly data: BigInt64Array;
  readonly dims: number[];
  readonly [row: number]: Tensor;

  /** Throws BAD_SHAPE where data and dims disagree, UNSUPPORTED for a type other than int64. */
  constructor(type: string, data: BigInt64Array | readonly bigint[], dims: readonly number[]) {
    if (type !== "int64") fail("UNSUPPORTED", `tensor: got type ${JSON.stringify(type)}, expected "int64"`);
    const size = dims.reduce((n, dim) => n * dim, 1);
    if (data.length !== size)
      fail("BAD_SHAPE", `tensor: got ${data.length} elements, expected ${size} for dims [${dims.join(", ")}]`);
    this.type = type;
    this.data = data instanceof BigInt64Array ? data : BigInt64Array.from(data);
    this.dims = [...dims];
    // biome-ignore lint/correctness/noConstructorReturn: rows are properties with numbers for names
    return new Proxy(this, {
      get: (target, key) =>
        typeof key === "string" && /^\d+$/.test(key) ? target.row(Number(key)) : Reflect.get(target, key, target),
    });
  }

  get size(): number {
    return this.data.length;
  }

  private row(i: number): Tensor | undefined {
    const [rows = 0, ...rest] = this.dims;
    if (i >= rows) return undefined;
    const size = this.data.length / rows;
    return new Tensor(this.type, this.data.subarray(i * size, (i + 1) * size), rest);
  }

  *[Symbol.iterator](): Generator<Tensor | bigint> {
    const [rows = 0] = this.dims;
    for (let i = 0; i < rows; i++) yield this.dims.length === 1 ? this.data[i]! : this.row(i)!;
  }

  /** The elements in nested arrays. */
  tolist(): unknown {
    return this.dims.length <= 1 ? [...this.data] : [...this].map((row) => (row as Tensor).tolist());
  }

  /** A part of each axis; all of those that are not named. Throws BAD_SHAPE for an index outside. */
  slice(...slices: Slice[]): Tensor {
    const [first = null, ...rest] = slices;
    const [rows = 0, ...inner] = this.dims;
    if (this.dims.length === 0 || slices.length === 0) return this;
    if (typeof first === "number") {
      const row = this.row(first < 0 ? first + rows : first);
      return row ? row.slice(...rest) : fail("BAD_SHAPE", `slice: got index ${first}, expected one below ${rows}`);
    }
    const [from, to] = first ?? [null, null];
    const place = (at: number) => Math.min(rows, Math.max(0, at < 0 ? at + rows : at));
    const [start, end] = [place(from ?? 0), place(to ?? rows)];
    if (inner.length === 0) return vector(this.data.slice(start, Math.max(start, end)));
    const kept = Array.from({ length: Math.max(0, end - start) }, (_, i) => this.row(start + i)!.slice(...rest));
    const dims = kept[0]?.dims ?? inner;
    return new Tensor(
      this.type,
      kept.flatMap((row) => [...row.data]),
      [kept.length, ...dims],
    );
  }
}

const vector = (data: BigInt64Array): Tensor => new Tensor("int64", data, [data.length]);

/** Rows of one length as a tensor (B, T). */
export function tensorOf(rows: readonly (readonly number[])[]): Tensor {
  return new Tensor("int64", rows.flat().map(BigInt), [rows.length, rows[0]?.length ?? 0]);
}

/** Ids of one text as plain numbers; a tensor may have one row. Throws BAD_SHAPE for more. */
export function idsOf(ids: Ids): number[] {
  if (!(ids instanceof Tensor)) return Array.from(ids as Iterable<number | bigint>, Number);
  if (ids.dims.length > 1 && ids.dims[0] !== 1)
    fail("BAD_SHAPE", `ids: got a tensor of dims [${ids.dims.join(", ")}], expected one row. Try batch_decode.`);
  return Array.from(ids.data, Number);
}

/** Ids of several texts. */
export function rowsOf(batch: Tensor | readonly Ids[]): number[][] {
  if (!(batch instanceof Tensor)) return batch.map(idsOf);
  if (batch.dims.length === 1) return [idsOf(batch)];
  return Array.from({ length: batch.dims[0] ?? 0 }, (_, i) => idsOf(batch[i]!));
}
