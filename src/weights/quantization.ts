/** What a folder of packed weights says of itself in config.json, and where its tensors are. Packs nothing. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject, showJson as show } from "../base/json.ts";
import { checkPackFormat, type PackFormat, packedSizes } from "./pack.ts";
import type { TensorEntry } from "./safetensors.ts";

/** How a model's weights are packed. */
export interface Quantization {
  readonly bits: 4 | 8;
  readonly block: number;
  /** Bits of the output head, and of the embedding where that is the same matrix. */
  readonly headBits: 4 | 8;
  /** Bits of an embedding that is no head. */
  readonly embeddingBits: 4 | 8;
}

/** The key of config.json. */
export const QUANTIZATION = "quantization_config";

const METHOD = "ownlm";
const VERSION = 1;
const KEYS = ["quant_method", "bits", "block_size", "head_bits", "embedding_bits", "version"];

/** The content of `quantization_config`. */
export function quantizationJson({ bits, block, headBits, embeddingBits }: Quantization): JsonObject {
  return {
    quant_method: METHOD,
    bits,
    block_size: block,
    head_bits: headBits,
    embedding_bits: embeddingBits,
    version: VERSION,
  };
}

/**
 * How a model's config.json says that its weights are packed; undefined where it says nothing, or
 * that some are in MXFP4. Throws UNSUPPORTED for
 * other programs' methods and later versions, and BAD_CONFIG for what is missing, of the wrong kind or unknown, naming
 * file and key.
 */
export function readQuantization(config: JsonObject, where: string): Quantization | undefined {
  const json = config[QUANTIZATION];
  if (json === undefined || json === null) return undefined;
  if (!isJsonObject(json))
    return fail("BAD_CONFIG", `${where}: ${QUANTIZATION}: got ${show(json)}, expected an object`);
  const bad = (key: string, expected: string): never =>
    fail("BAD_CONFIG", `${where}: ${QUANTIZATION}.${key}: got ${show(json[key])}, expected ${expected}`);
  // Such weights say themselves what they are; see mxfp4.ts.
  if (json.quant_method === "mxfp4") return undefined;
  if (json.quant_method !== METHOD)
    fail(
      "UNSUPPORTED",
      `${where}: ${QUANTIZATION}.quant_method: got ${show(json.quant_method)}, expected "${METHOD}". Try the model's version that is not quantised, with ownlm quantize or --quantize.`,
    );
  if (json.version !== VERSION)
    fail("UNSUPPORTED", `${where}: ${QUANTIZATION}.version: got ${show(json.version)}, expected ${VERSION}`);
  const bits = (key: string): 4 | 8 => {
    const value = json[key];
    return value === 4 || value === 8 ? value : bad(key, "4 or 8");
  };
  const block = json.block_size;
  if (typeof block !== "number") return bad("block_size", "16, 32, 64, 128 or 256");
  for (const key of Object.keys(json)) if (!KEYS.includes(key)) bad(key, `only ${KEYS.join(", ")}`);
  const read = { bits: bits("bits"), block, headBits: bits("head_bits"), embeddingBits: bits("embedding_bits") };
  try {
    checkPackFormat(read);
  } catch {
    bad("block_size", "16, 32, 64, 128 or 256");
  }
  return read;
}

/** The names of the two tensors that a packed weight is stored as. */
export const packedNames = (name: string) => ({ quants: `${name}_packed`, scales: `${name}_scale` });

/** Where a packed weight is. */
export interface PackedEntries {
  /** uint8 (N, blocks, bytes). */
  readonly quants: TensorEntry;
  /** float32 (N, blocks). */
  readonly scales: TensorEntry;
}

/**
 * The two tensors of a packed weight of `rows` rows of `width`; undefined where there is neither, which is then a
 * weight as any other. Throws BAD_WEIGHTS naming `where` and the tensor where one is missing or not as it must be.
 */
export function findPacked(
  weights: ReadonlyMap<string, TensorEntry>,
  { name, rows, width, format }: { name: string; rows: number; width: number; format: PackFormat },
  where: string,
): PackedEntries | undefined {
  const names = packedNames(name);
  const [quants, scales] = [weights.get(names.quants), weights.get(names.scales)];
  if (!quants && !scales) return undefined;
  const { blocks, blockBytes } = packedSizes(width, format);
  return {
    quants: checked(quants, names.quants, "uint8", [rows, blocks, blockBytes], format, where),
    scales: checked(scales, names.scales, "float32", [rows, blocks], format, where),
  };
}

function checked(
  entry: TensorEntry | undefined,
  name: string,
  dtype: string,
  shape: readonly number[],
  { bits, block }: PackFormat,
  where: string,
): TensorEntry {
  if (!entry) return fail("BAD_WEIGHTS", `${where}: the tensor ${name} is missing, and its other half is there`);
  if (entry.dtype !== dtype || entry.shape.join() !== shape.join())
    fail(
      "BAD_WEIGHTS",
      `${entry.file}: ${name}: got ${entry.dtype} [${entry.shape}], expected ${dtype} [${shape}] for ${bits} bits in blocks of ${block} of config.json`,
    );
  return entry;
}
