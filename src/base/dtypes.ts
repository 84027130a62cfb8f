/** Element types: their sizes, their typed arrays, and the 16-bit floats JavaScript lacks. */
import { fail } from "./errors.ts";

const DTYPE_TABLE = {
  float32: { bytes: 4, array: Float32Array },
  float64: { bytes: 8, array: Float64Array },
  float16: { bytes: 2, array: Uint16Array },
  bfloat16: { bytes: 2, array: Uint16Array },
  int64: { bytes: 8, array: BigInt64Array },
  int32: { bytes: 4, array: Int32Array },
  int16: { bytes: 2, array: Int16Array },
  int8: { bytes: 1, array: Int8Array },
  uint8: { bytes: 1, array: Uint8Array },
  bool: { bytes: 1, array: Uint8Array },
} as const;

/** ONNX's element types by their usual names. `float16` and `bfloat16` are held as their 16-bit patterns. */
export type DType = keyof typeof DTYPE_TABLE;

/** All of them. */
export const DTYPES = Object.keys(DTYPE_TABLE) as readonly DType[];

/** The typed array that holds a dtype's elements. */
export type ArrayOf<D extends DType> = InstanceType<(typeof DTYPE_TABLE)[D]["array"]>;

/** Any array that can back a tensor. */
export type TensorData = ArrayOf<DType>;

/** True for the name of a dtype. */
export function isDType(name: string): name is DType {
  return Object.hasOwn(DTYPE_TABLE, name);
}

/** Bytes of one element. */
export function bytesOf(dtype: DType): number {
  return DTYPE_TABLE[dtype].bytes;
}

/** A typed view of `length` elements over `buffer` from `byteOffset`, which must be a multiple of the element size. */
export function viewAs<D extends DType>(
  dtype: D,
  buffer: ArrayBufferLike,
  byteOffset = 0,
  length?: number,
): ArrayOf<D> {
  const { array, bytes } = DTYPE_TABLE[dtype];
  if (byteOffset % bytes !== 0)
    fail("BAD_DTYPE", `viewAs: offset ${byteOffset} is no multiple of ${dtype}'s ${bytes} bytes`);
  return new array(buffer as ArrayBuffer, byteOffset, length) as ArrayOf<D>;
}

const f32 = new Float32Array(1);
const u32 = new Uint32Array(f32.buffer);

/** The float32 value of a bfloat16 bit pattern (exact). */
export function bfloat16ToFloat32(bits: number): number {
  u32[0] = bits << 16;
  return f32[0]!;
}

/** The bfloat16 bit pattern nearest to a number, ties to even; NaN stays NaN. */
export function float32ToBfloat16(value: number): number {
  f32[0] = value;
  const bits = u32[0]!;
  if (Number.isNaN(value)) return (bits >>> 16) | 0x40;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The float32 value of an IEEE 754 binary16 bit pattern (exact). */
export function float16ToFloat32(bits: number): number {
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return (bits & 0x8000 ? -fraction : fraction) * 2 ** -24;
  u32[0] = ((bits & 0x8000) << 16) | ((exponent === 31 ? 0xff : exponent + 112) << 23) | (fraction << 13);
  return f32[0]!;
}

/** The binary16 bit pattern nearest to a number, ties to even; too large becomes infinity. */
export function float32ToFloat16(value: number): number {
  f32[0] = value;
  const bits = u32[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = Math.abs(f32[0]!);
  if (Number.isNaN(value)) return sign | 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | roundHalfEven(magnitude * 2 ** 24);
  // 112 is what the exponents' biases differ by; a carry out of the fraction goes into the exponent.
  const rebiased = (bits & 0x7fffffff) - (112 << 23);
  return sign | ((rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13);
}

function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** A float32 copy of float data of any width. */
export function toFloat32(dtype: DType, data: TensorData): Float32Array {
  switch (dtype) {
    case "float32":
    case "float64":
      return Float32Array.from(data as Float32Array);
    case "bfloat16":
      return widened(data as Uint16Array, (bits, out) => {
        for (let i = 0; i < bits.length; i++) out[i] = bits[i]! << 16;
      });
    case "float16":
      return widenedFloat16(data as Uint16Array);
    default:
      return fail("BAD_DTYPE", `toFloat32: got ${dtype}, expected a float type`);
  }
}

function widened(bits: Uint16Array, fill: (bits: Uint16Array, out: Uint32Array) => void): Float32Array {
  const out = new Uint32Array(bits.length);
  fill(bits, out);
  return new Float32Array(out.buffer);
}

/** {@link float16ToFloat32} in bulk: the bits moved into place, then 2^112, by which the exponents' offsets differ. */
function widenedFloat16(data: Uint16Array): Float32Array {
  const values = widened(data, (bits, out) => {
    for (let i = 0; i < bits.length; i++) out[i] = ((bits[i]! & 0x8000) << 16) | ((bits[i]! & 0x7fff) << 13);
  });
  for (let i = 0; i < values.length; i++)
    values[i] = (data[i]! & 0x7c00) === 0x7c00 ? float16ToFloat32(data[i]!) : values[i]! * 2 ** 112;
  return values;
}
