/** The block formats of GGUF files: their sizes, and how their bytes become float32 and come from it. Knows no files. */
import { fail } from "../base/errors.ts";
import { fromBfloat16, fromFloat16, fromFloat32, iq4nl, mxfp4, q4_0, q4_1, q5_0, q5_1, q8_0 } from "./blocks-of-32.ts";
import { iq4xs, q2k, q3k, q4k, q5k, q6k } from "./blocks-of-256.ts";
import { toBfloat16, toFloat16, toFloat32, toQ4_0, toQ8_0 } from "./blocks-quantise.ts";

/** Fills `out` with the elements of the blocks in `bytes`. */
export type Dequantise = (bytes: Uint8Array, out: Float32Array) => void;

/** Fills `out` with the blocks of `values`, a whole number of them. */
export type Quantise = (values: Float32Array, out: Uint8Array) => void;

/** Names of the formats that can be read, as GGUF spells them. */
export type BlockFormatName =
  | "F32"
  | "F16"
  | "BF16"
  | "Q8_0"
  | "Q4_0"
  | "Q4_1"
  | "Q5_0"
  | "Q5_1"
  | "Q2_K"
  | "Q3_K"
  | "Q4_K"
  | "Q5_K"
  | "Q6_K"
  | "IQ4_NL"
  | "IQ4_XS"
  | "MXFP4";

/** How the elements of a tensor are stored: blocks of `elements` in `bytes`, along the last axis. */
export interface BlockFormat {
  readonly name: BlockFormatName;
  /** The number that stands for it in a file (ggml's type). */
  readonly id: number;
  readonly elements: number;
  readonly bytes: number;
  readonly dequantise: Dequantise;
  /** Only for the formats that are written. Rounds as llama.cpp's reference does. */
  readonly quantise?: Quantise;
}

const FORMATS: readonly BlockFormat[] = [
  { name: "F32", id: 0, elements: 1, bytes: 4, dequantise: fromFloat32, quantise: toFloat32 },
  { name: "F16", id: 1, elements: 1, bytes: 2, dequantise: fromFloat16, quantise: toFloat16 },
  { name: "BF16", id: 30, elements: 1, bytes: 2, dequantise: fromBfloat16, quantise: toBfloat16 },
  { name: "Q8_0", id: 8, elements: 32, bytes: 34, dequantise: q8_0, quantise: toQ8_0 },
  { name: "Q4_0", id: 2, elements: 32, bytes: 18, dequantise: q4_0, quantise: toQ4_0 },
  { name: "Q4_1", id: 3, elements: 32, bytes: 20, dequantise: q4_1 },
  { name: "Q5_0", id: 6, elements: 32, bytes: 22, dequantise: q5_0 },
  { name: "Q5_1", id: 7, elements: 32, bytes: 24, dequantise: q5_1 },
  { name: "Q2_K", id: 10, elements: 256, bytes: 84, dequantise: q2k },
  { name: "Q3_K", id: 11, elements: 256, bytes: 110, dequantise: q3k },
  { name: "Q4_K", id: 12, elements: 256, bytes: 144, dequantise: q4k },
  { name: "Q5_K", id: 13, elements: 256, bytes: 176, dequantise: q5k },
  { name: "Q6_K", id: 14, elements: 256, bytes: 210, dequantise: q6k },
  { name: "IQ4_NL", id: 20, elements: 32, bytes: 18, dequantise: iq4nl },
  { name: "IQ4_XS", id: 23, elements: 256, bytes: 136, dequantise: iq4xs },
  { name: "MXFP4", id: 39, elements: 32, bytes: 17, dequantise: mxfp4 },
];

/** Every format that is read, by name. */
export const BLOCK_FORMATS: ReadonlyMap<BlockFormatName, BlockFormat> = new Map(FORMATS.map((f) => [f.name, f]));

const BY_ID: ReadonlyMap<number, BlockFormat> = new Map(FORMATS.map((f) => [f.id, f]));

/** Formats that are known and not read, by their number in a file. */
const OTHER_NAMES: Readonly<Record<number, string>> = {
  4: "Q4_2 (removed)",
  5: "Q4_3 (removed)",
  9: "Q8_1",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  21: "IQ3_S",
  22: "IQ2_S",
  24: "I8",
  25: "I16",
  26: "I32",
  27: "I64",
  28: "F64",
  29: "IQ1_M",
  34: "TQ1_0",
  35: "TQ2_0",
  40: "NVFP4",
};

/** The format of a number in a file; `refuse` hears what is wrong with any other. */
export function blockFormatOfId(id: number, refuse: (what: string) => never): BlockFormat {
  return BY_ID.get(id) ?? refuse(`got type ${OTHER_NAMES[id] ?? id}, and this version reads only ${known()}`);
}

/** The format of a name; BUG for one that is none. */
export function blockFormat(name: BlockFormatName): BlockFormat {
  return BLOCK_FORMATS.get(name) ?? fail("BUG", `got the block format ${name}, expected ${known()}`);
}

const known = () => FORMATS.map(({ name }) => name).join(", ");

/** Bytes of so many elements; they fill whole blocks. */
export function blockBytes(format: BlockFormat, elements: number): number {
  if (elements % format.elements !== 0)
    fail("BAD_SHAPE", `got ${elements} elements of ${format.name}, expected a multiple of ${format.elements}`);
  return (elements / format.elements) * format.bytes;
}
