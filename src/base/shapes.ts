/** Axis lengths, known or named, and the little arithmetic that shape inference needs. */
import { fail } from "./errors.ts";

/**
 * The length of an axis: a number, or a canonical polynomial in named axes such as "T", "2*B*T" or "P+S".
 * Equal lengths have equal text, so `===` compares them. What is left of a length is a sum too: "T+-1*A".
 */
export type Dim = number | string;

/** Axis lengths, outermost first; `[]` is a scalar. */
export type Shape = readonly Dim[];

/** A polynomial as monomial text ("" is the constant term) to integer coefficient. */
type Polynomial = Map<string, number>;

function parse(dim: Dim): Polynomial {
  if (typeof dim === "number") return new Map(dim === 0 ? [] : [["", dim]]);
  const terms: Polynomial = new Map();
  for (const term of dim.split("+")) {
    const factors = term.split("*");
    const coefficient = /^-?\d+$/.test(factors[0]!) ? Number(factors.shift()) : 1;
    const monomial = factors.sort().join("*");
    terms.set(monomial, (terms.get(monomial) ?? 0) + coefficient);
  }
  return terms;
}

function format(terms: Polynomial): Dim {
  const kept = [...terms].filter(([, c]) => c !== 0).sort(([a], [b]) => (a < b ? 1 : -1));
  if (kept.length === 0) return 0;
  if (kept.length === 1 && kept[0]![0] === "") return kept[0]![1];
  return kept.map(([m, c]) => (m === "" ? `${c}` : c === 1 ? m : `${c}*${m}`)).join("+");
}

/** The product of axis lengths; 1 for none. */
export function mulDims(...dims: Dim[]): Dim {
  let product: Polynomial = new Map([["", 1]]);
  for (const dim of dims) {
    const next: Polynomial = new Map();
    for (const [m, c] of product)
      for (const [n, d] of parse(dim)) {
        const monomial = [...m.split("*"), ...n.split("*")].filter(Boolean).sort().join("*");
        next.set(monomial, (next.get(monomial) ?? 0) + c * d);
      }
    product = next;
  }
  return format(product);
}

/** The sum of axis lengths. */
export function addDims(...dims: Dim[]): Dim {
  const sum: Polynomial = new Map();
  for (const dim of dims) for (const [m, c] of parse(dim)) sum.set(m, (sum.get(m) ?? 0) + c);
  return format(sum);
}

/** The difference of axis lengths. */
export function subDims(from: Dim, ...dims: Dim[]): Dim {
  return addDims(from, ...dims.map((dim) => mulDims(-1, dim)));
}

/** The length of a dim when the named axes have the given lengths, or undefined when one is not given. */
export function evaluateDim(dim: Dim, axes: ReadonlyMap<string, number>): number | undefined {
  let sum = 0;
  for (const [monomial, coefficient] of parse(dim)) {
    const factors = monomial
      .split("*")
      .filter(Boolean)
      .map((name) => axes.get(name));
    if (factors.includes(undefined)) return undefined;
    sum += factors.reduce<number>((product, factor) => product * factor!, coefficient);
  }
  return sum;
}

/** The number of elements of a shape. */
export function sizeOf(shape: Shape): Dim {
  return mulDims(...shape);
}

/** The length as a number, or an error that names where a named axis cannot be. */
export function knownDim(dim: Dim | undefined, where: string): number {
  return typeof dim === "number"
    ? dim
    : fail("BAD_SHAPE", `${where}: got the named axis ${dim}, expected a fixed length`);
}

/** All lengths as numbers; see {@link knownDim}. */
export function knownShape(shape: Shape, where: string): number[] {
  return shape.map((dim) => knownDim(dim, where));
}

/** True when two shapes are equal axis by axis. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/** The shape two operands broadcast to (NumPy's rule), or undefined when they do not fit. */
export function broadcastShapes(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const result: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    result.push(x === 1 ? y : x);
  }
  return result;
}

/** "[2, T, 64]", for messages and printed graphs. */
export function showShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** The axis counted from the front, for -rank <= axis < rank. */
export function frontAxis(axis: number, rank: number, where: string): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
    fail("BAD_SHAPE", `${where}: got axis ${axis}, expected one from ${-rank} to ${rank - 1}`);
  return axis < 0 ? axis + rank : axis;
}
