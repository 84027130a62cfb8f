/** `merge`: adapters worked into their base's weights, as a model folder in the base's own layout. Knows nothing of terminals. */
import { bytesOf, type DType, float32ToBfloat16, float32ToFloat16 } from "../base/dtypes.ts";
import { fail } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { type GivenOptions, readOptions } from "../base/options.ts";
import { createTurn } from "../base/pause.ts";
import type { Host } from "../host/types.ts";
import { inFolder, openWeights } from "../weights/folder.ts";
import { INDEX, publishStaged, requireNewFolder, SINGLE } from "../weights/publish.ts";
import { QUANTIZATION, readQuantization } from "../weights/quantization.ts";
import { openSafetensors, type TensorEntry, type TensorSpec, writeText, writeWhole } from "../weights/safetensors.ts";
import { transpose } from "../weights/stored.ts";
import { belongings, tokenizerFiles } from "./belongings.ts";
import type { ExportWeight } from "./export-weights.ts";
import { ggufTokenizerOf, isGguf } from "./gguf-model.ts";
import { MERGE_OPTIONS } from "./merge-options.ts";
import { type MergedModel, openMerged } from "./merged-weights.ts";

/** How the work is watched and stopped, and how options are called in messages. */
export interface MergeHooks {
  readonly signal?: AbortSignal | undefined;
  /** Bytes written so far, and in all. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly showName?: (name: string) => string;
}

/** What was written. */
export interface MergeResult {
  readonly out: string;
  readonly base: string;
  readonly adapters: readonly { readonly folder: string; readonly share: number }[];
  /** Weights that changed, and all there are. */
  readonly changed: number;
  readonly tensors: number;
  readonly bytes: number;
}

/** A tensor that is to be written: a weight, or bytes of the base that no graph knows. */
interface Planned extends TensorSpec {
  readonly weight?: string | undefined;
  readonly copied?: TensorEntry | undefined;
}

/**
 * Writes the model that `folders` make of the base at `path` into the new folder `out`: config, tokenizer and templates
 * (one adapter's own go first, else the base's), and the weights in the base's files, names and floats; of a packed base
 * or a GGUF file, in one file of float32. What a weight gains is share times its change by each adapter, summed. Nothing
 * is left half-written. Throws what opening the models throws, BAD_OPTION, EXISTS and ABORTED.
 */
export async function merge(
  host: Host,
  path: string,
  folders: readonly string[],
  given: GivenOptions<typeof MERGE_OPTIONS>,
  hooks: MergeHooks = {},
): Promise<MergeResult> {
  const { showName = (name) => name } = hooks;
  const options = readOptions(MERGE_OPTIONS, given, showName);
  const out = options.out ?? fail("BAD_OPTION", `${showName("out")}: got none, expected a folder to write to`);
  const shares = sharesOf(options.weights, folders.length, showName("weights"));
  const adapters = folders.map((folder, i) => ({ folder, share: shares[i]! }));
  requireNewFolder(host, out);
  const merged = openMerged(host, path, adapters);
  const files = planFiles(host, path, merged, options.dtype);
  const planned = [...files.values()].flat();
  await inFolder(host, out, () =>
    publishStaged(host, out, async (staging) => {
      writeText(
        host,
        host.join(staging, "config.json"),
        `${JSON.stringify(configOf(host, path, merged, options.dtype), null, 2)}\n`,
      );
      for (const [name, bytes] of filesOf(host, path, merged))
        writeWhole(host, host.join(staging, name), () => [bytes]);
      await writeFiles(host, staging, files, merged, hooks);
    }),
  );
  return {
    out,
    base: path,
    adapters,
    changed: planned.filter(({ weight }) => weight !== undefined && merged.isChanged(weight)).length,
    tensors: planned.length,
    bytes: planned.reduce((sum, spec) => sum + sizeOf(spec), 0),
  };
}

function sharesOf(given: readonly string[], adapters: number, name: string): number[] {
  if (adapters === 0)
    fail("BAD_OPTION", "merge: got no adapter, expected one or more folders with adapter_config.json");
  if (given.length === 0) return Array.from({ length: adapters }, () => 1);
  if (given.length !== adapters)
    fail("BAD_OPTION", `${name}: got ${given.length} for ${adapters} adapters, expected one for each`);
  return given.map((text) => {
    const share = text.trim() === "" ? Number.NaN : Number(text);
    return Number.isFinite(share)
      ? share
      : fail("BAD_OPTION", `${name}: got ${JSON.stringify(text)}, expected a number`);
  });
}

const sizeOf = ({ dtype, shape }: TensorSpec): number => shape.reduce((n, dim) => n * dim, bytesOf(dtype));

const isPacked = ({ model, configFile }: MergedModel): boolean =>
  readQuantization(model.config, configFile) !== undefined;

/** The files of weights by name, each with its tensors in their order. */
function planFiles(
  host: Host,
  path: string,
  merged: MergedModel,
  wanted: DType | undefined,
): ReadonlyMap<string, readonly Planned[]> {
  const { shapes } = merged;
  const whole = (name: string): Planned => ({
    name,
    shape: shapes.get(name)!,
    dtype: wanted ?? "float32",
    weight: name,
  });
  if (isGguf(host, path) || isPacked(merged)) return new Map([[SINGLE, [...shapes.keys()].map(whole)]]);
  const tensors = openWeights(host, path);
  const stored = storedNames(tensors, merged);
  const files = new Map<string, Planned[]>();
  for (const [name, entry] of tensors) {
    const file = entry.file.replace(/^.*[/\\]/, "");
    const weight = stored.get(name);
    const dtype = weight === undefined ? entry.dtype : (wanted ?? entry.dtype);
    const unchanged = weight === undefined || (!merged.isChanged(weight) && dtype === entry.dtype);
    const planned = { name, dtype, shape: entry.shape, weight, ...(unchanged && { copied: entry }) };
    files.set(file, [...(files.get(file) ?? []), planned]);
  }
  const known = new Set(stored.values());
  const last = [...files.values()].at(-1)!;
  for (const name of shapes.keys()) if (!known.has(name)) last.push(headOf(tensors, merged, name, whole(name), wanted));
  return files;
}

/** Which parameter a stored tensor is: by its name, or by the name without its first part. */
function storedNames(tensors: ReadonlyMap<string, TensorEntry>, { shapes }: MergedModel): Map<string, string> {
  const stored = new Map<string, string>();
  for (const name of shapes.keys()) {
    const short = name.slice(name.indexOf(".") + 1);
    if (tensors.has(name)) stored.set(name, name);
    else if (tensors.has(short)) stored.set(short, name);
  }
  return stored;
}

/** A head that was tied to the embedding is written beside the rest, in the embedding's floats. */
function headOf(
  tensors: ReadonlyMap<string, TensorEntry>,
  { sourceOf }: MergedModel,
  name: string,
  planned: Planned,
  wanted: DType | undefined,
): Planned {
  const source = sourceOf(name);
  const entry = tensors.get(source) ?? tensors.get(source.slice(source.indexOf(".") + 1));
  return { ...planned, dtype: wanted ?? entry?.dtype ?? "float32" };
}

function configOf(host: Host, path: string, merged: MergedModel, wanted: DType | undefined): JsonObject {
  const { [QUANTIZATION]: quantization, ...config } = merged.model.config as Record<string, unknown>;
  const asFloats = isGguf(host, path) || isPacked(merged);
  const dtype = wanted ?? (asFloats ? "float32" : undefined);
  return {
    ...config,
    ...(quantization !== undefined && !asFloats && { [QUANTIZATION]: quantization }),
    ...(dtype !== undefined && { [config.torch_dtype === undefined ? "dtype" : "torch_dtype"]: dtype }),
  };
}

/** What goes with the weights: of one adapter its own files first, for a tokenizer that was trained with it. */
function filesOf(host: Host, path: string, { model, adapters }: MergedModel): ReadonlyMap<string, Uint8Array> {
  const base = isGguf(host, path)
    ? tokenizerFiles(ggufTokenizerOf(host, path), model.maxPositions)
    : belongings(host, path);
  return new Map([...base, ...(adapters.length === 1 ? belongings(host, adapters[0]!.folder) : [])]);
}

/** Elements that are merged, changed and written at a time. */
const PIECE_ELEMENTS = 2 ** 20;

async function writeFiles(
  host: Host,
  folder: string,
  files: ReadonlyMap<string, readonly Planned[]>,
  merged: MergedModel,
  { signal, onProgress }: MergeHooks,
): Promise<void> {
  const turn = createTurn(signal, "stopped: nothing was written", host.nowMs);
  const total = [...files.values()].flat().reduce((sum, spec) => sum + sizeOf(spec), 0);
  let done = 0;
  for (const [file, planned] of files) {
    const writer = openSafetensors(
      host,
      host.join(folder, file),
      planned.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    );
    try {
      for (const each of planned) {
        if (sizeOf(each) === 0) writer.write(new Uint8Array(0));
        for (const piece of piecesOf(host, each, merged)) {
          writer.writePart(piece);
          done += piece.byteLength;
          onProgress?.(done, total);
          await turn();
        }
      }
      writer.finish();
    } catch (error) {
      writer.abandon();
      throw error;
    }
  }
  if (!files.has(SINGLE)) writeText(host, host.join(folder, INDEX), indexOf(files, total));
}

function indexOf(files: ReadonlyMap<string, readonly Planned[]>, total: number): string {
  const map = [...files].flatMap(([file, planned]) => planned.map(({ name }) => [name, file] as const));
  const sorted = map.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify({ metadata: { total_size: total }, weight_map: Object.fromEntries(sorted) }, null, 2)}\n`;
}

function* piecesOf(host: Host, { dtype, copied, weight }: Planned, merged: MergedModel): Generator<ArrayBufferView> {
  if (copied) {
    const most = PIECE_ELEMENTS * bytesOf(dtype);
    for (let at = 0; at < copied.length; at += most)
      yield host.readBytes(copied.file, copied.offset + at, Math.min(most, copied.length - at));
    return;
  }
  const source = straight(merged.weightOf(weight!));
  const most = Math.max(1, Math.floor(PIECE_ELEMENTS / source.width));
  for (let first = 0; first < source.rows; first += most)
    yield encoded(source.read(first, Math.min(most, source.rows - first)), dtype, weight!);
}

/** A weight whose rows are the weight's own; one that is held transposed is read whole. */
function straight(weight: ExportWeight): Pick<ExportWeight, "rows" | "width" | "read"> {
  if (!weight.turned) return weight;
  const whole = transpose(weight.read(0, weight.rows), weight.rows, weight.width);
  const [rows, width] = [weight.width, weight.rows];
  return { rows, width, read: (first, count) => whole.subarray(first * width, (first + count) * width) };
}

function encoded(values: Float32Array, dtype: DType, name: string): ArrayBufferView {
  if (dtype === "float32") return values;
  const bits = Uint16Array.from(values, dtype === "float16" ? float32ToFloat16 : float32ToBfloat16);
  if (dtype === "float16")
    for (let i = 0; i < bits.length; i++)
      if ((bits[i]! & 0x7fff) >= 0x7c00)
        fail("BAD_WEIGHTS", `${name}: got an element of ${values[i]}, beyond float16. Try dtype bfloat16 or float32.`);
  return bits;
}
