/** Where a model's packed weights are: in its own files, or packed now into a scratch file. Runs nothing. */
import { fail } from "../base/errors.ts";
import type { Placement } from "../graph/lower.ts";
import { groupNames, type PackedGroup } from "../graph/pack.ts";
import type { FileWriter, Host } from "../host/types.ts";
import type { PlannedGroup, PlannedWeight } from "../models/pack-plan.ts";
import type { FloatRows } from "../weights/float-rows.ts";
import { type Packed, type PackFormat, packedSizes, type Rounding } from "../weights/pack.ts";
import { packMatrix } from "../weights/pack-rows.ts";
import { findPacked, type PackedEntries } from "../weights/quantization.ts";
import type { TensorEntry } from "../weights/safetensors.ts";

/** Groups of packed weights, and where each of their parameters is. */
export interface PackedWeights {
  readonly groups: readonly PackedGroup[];
  readonly places: ReadonlyMap<string, Placement>;
}

/** A weight and how it comes to its packed form. */
export interface WeightToPack {
  readonly weight: PlannedWeight;
  /** Its form; that of the plan, or of the file where the numbers are in blocks already. */
  readonly format: PackFormat;
  /** Packs it, giving way between the pieces. */
  pack(): Generator<number, Packed>;
}

/** How weights are packed where only their bits are given: the head keeps 8, since errors there are errors of the text. */
export const packingOf = (bits: 4 | 8, block: 64 | 128) => ({ bits, block, headBits: 8, embeddingBits: 8 }) as const;

/** Bytes of a plan's weights once packed. */
export function packedBytes(plan: readonly PlannedGroup[]): number {
  return plan.flat().reduce((sum, { rows, width, format }) => {
    const { blocks, blockBytes } = packedSizes(width, format);
    return sum + rows * blocks * (blockBytes + 4);
  }, 0);
}

/** Weights of which some are packed, and the others where `place` says. */
export function withPacked(
  packed: (PackedWeights & { readonly file?: string }) | undefined,
  place: (name: string) => Placement,
) {
  if (!packed) return { place };
  const { groups, places, file } = packed;
  return {
    groups,
    place: (name: string) => places.get(name) ?? place(name),
    ...(file !== undefined && { scratch: file }),
  };
}

const sized = ({ name, rows, width }: PlannedWeight, { bits, block }: PackFormat) => ({
  name,
  rows,
  width,
  bits,
  blockSize: block,
});

/** The packed weights of a folder that holds them. Weights that lie side by side, in the order of their group, are read as one. */
export function packedInFolder(
  host: Host,
  weights: ReadonlyMap<string, TensorEntry>,
  plan: readonly PlannedGroup[],
  where: string,
): PackedWeights {
  const groups: PackedGroup[] = [];
  const places = new Map<string, Placement>();
  for (const planned of plan) {
    const found = planned.map((weight) => ({ weight, entries: findPacked(weights, weight, where) }));
    const present = found.filter((each): each is Found => each.entries !== undefined);
    for (const part of adjacent(present)) {
      const group = part.map(({ weight }) => sized(weight, weight.format));
      const stretch = (kind: "quants" | "scales"): Stretch => {
        const entries = part.map((each) => each.entries[kind]);
        const { file, offset } = entries[0]!;
        return { file: host.absolute(file), offset, lengths: entries.map(({ length }) => length) };
      };
      groups.push(group);
      placeGroup(places, group, stretch("quants"), stretch("scales"));
    }
  }
  return { groups, places };
}

interface Found {
  readonly weight: PlannedWeight;
  readonly entries: PackedEntries;
}

const follows = (a: TensorEntry, b: TensorEntry) => a.file === b.file && a.offset + a.length === b.offset;

/** A group as it is when all of it lies side by side, else each of its weights alone. */
function adjacent(group: readonly Found[]): Found[][] {
  const together = group.every(({ entries, weight }, i) => {
    const before = group[i - 1];
    if (!before) return true;
    const same = before.weight.width === weight.width && before.weight.format.bits === weight.format.bits;
    return same && follows(before.entries.quants, entries.quants) && follows(before.entries.scales, entries.scales);
  });
  return together && group.length > 0 ? [[...group]] : group.map((each) => [each]);
}

/** Parts of a file, one after the other. */
interface Stretch {
  readonly file: string;
  readonly offset: number;
  readonly lengths: readonly number[];
}

/** Places a group as one, and each of its weights alone: a graph may have them under different inputs. */
function placeGroup(places: Map<string, Placement>, group: PackedGroup, quants: Stretch, scales: Stretch): void {
  placeParts(places, group, quants, scales, 0, group.length);
  if (group.length > 1) for (const i of group.keys()) placeParts(places, group, quants, scales, i, i + 1);
}

function placeParts(
  places: Map<string, Placement>,
  group: PackedGroup,
  quants: Stretch,
  scales: Stretch,
  from: number,
  to: number,
): void {
  const names = groupNames(group.slice(from, to));
  const stored = part(quants, "uint8", from, to);
  places.set(names.quants, stored);
  places.set(names.table, stored);
  places.set(names.scales, part(scales, "float32", from, to));
}

function part({ file, offset, lengths }: Stretch, dtype: "uint8" | "float32", from: number, to: number): Placement {
  const sum = (some: readonly number[]) => some.reduce((total, length) => total + length, 0);
  return {
    kind: "file",
    dtype,
    at: { file, offset: offset + sum(lengths.slice(0, from)), length: sum(lengths.slice(from, to)) },
  };
}

/** Begins of ranges that processors and page tables like. */
const ALIGNMENT = 64;

/**
 * Packs weights into a scratch file, group by group; `pause` is called between pieces of some 20 ms. The caller removes
 * the file when a session has read it. Throws BAD_WEIGHTS naming what is not finite, and what the host says of the disk.
 */
export async function packToScratch(
  host: Host,
  groups: readonly (readonly WeightToPack[])[],
  pause: () => void | Promise<void>,
): Promise<PackedWeights & { readonly file: string }> {
  const file = host.scratchPath();
  const writer = host.createFile(file);
  try {
    const packed = await writeGroups(host, file, writer, groups, pause);
    writer.finish(false);
    return { ...packed, file };
  } catch (error) {
    writer.abandon();
    throw error;
  }
}

async function writeGroups(
  host: Host,
  file: string,
  writer: FileWriter,
  groups: readonly (readonly WeightToPack[])[],
  pause: () => void | Promise<void>,
): Promise<PackedWeights> {
  const places = new Map<string, Placement>();
  const written: PackedGroup[] = [];
  let at = 0;
  const write = (arrays: readonly (Uint8Array | Float32Array)[]): Stretch => {
    const padding = (ALIGNMENT - (at % ALIGNMENT)) % ALIGNMENT;
    writer.write(new Uint8Array(padding));
    const offset = at + padding;
    for (const array of arrays) writer.write(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    const lengths = arrays.map((array) => array.byteLength);
    at = lengths.reduce((sum, length) => sum + length, offset);
    return { file: host.absolute(file), offset, lengths };
  };
  for (const members of groups) {
    const parts: Packed[] = [];
    for (const { pack } of members) parts.push(await toEnd(pack(), pause));
    const group = members.map(({ weight, format }) => sized(weight, format));
    const quants = write(parts.map((part) => part.quants));
    const scales = write(parts.map((part) => part.scales));
    written.push(group);
    placeGroup(places, group, quants, scales);
  }
  return { groups: written, places };
}

async function toEnd(work: Generator<number, Packed>, pause: () => void | Promise<void>): Promise<Packed> {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    await pause();
  }
}

/** A plan's groups as weights of float32 rows to pack. */
export function rowsToPack(
  plan: readonly PlannedGroup[],
  rowsOf: (weight: PlannedWeight) => FloatRows,
  rounding: Rounding,
): WeightToPack[][] {
  return plan.map((group) =>
    group.map((weight) => ({
      weight,
      format: weight.format,
      pack() {
        const source = rowsOf(weight);
        if (source.rows !== weight.rows || source.width !== weight.width)
          fail(
            "BUG",
            `${source.where}: got rows [${source.rows}, ${source.width}], expected [${weight.rows}, ${weight.width}]`,
          );
        return packMatrix(source, weight.format, { rounding });
      },
    })),
  );
}
