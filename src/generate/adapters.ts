/** Adapters of one base in memory: their tensors as inputs of its graph, one adapter's or all of them side by side. Runs nothing. */
import { fail } from "../base/errors.ts";
import { createOwner, type Owner } from "../base/owner.ts";
import { ADAPTER_MASK, ADAPTER_ROWS, type AdaptedModule, adapterInputs } from "../nn/adapters.ts";
import type { Runtime, Tensor } from "../runtime/types.ts";

/** What one adapter has for a module. */
export interface ModuleTensors {
  readonly rank: number;
  /** (r, in); of an embedding (r, rows). */
  readonly a: Float32Array;
  /** (out, r), its scale worked in. */
  readonly b: Float32Array;
  /** By how much the factor of each output exceeds 1 (out). */
  readonly gain?: Float32Array | undefined;
  /** What is added to each output (out). */
  readonly offset?: Float32Array | undefined;
}

/** An adapter as numbers. */
export interface LoadedAdapter {
  readonly name: string;
  readonly modules: ReadonlyMap<string, ModuleTensors>;
}

/** A module of the base, as adapters change it. */
export interface BaseModule extends AdaptedModule {
  readonly inner: number;
  readonly outer: number;
}

/** Inputs of a graph for rows of which each has one adapter of those that are fed, or none. */
export interface AdapterFeeds {
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** The choosing inputs for so many rows, all of no adapter, to be disposed by `own`. */
  choice(own: Owner["own"], rows: number): AdapterChoice;
}

/** Which adapter each row of a run has. */
export interface AdapterChoice {
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** Gives rows `from` to before `to` an adapter by name, or none. */
  set(from: number, to: number, name: string | undefined): void;
}

/** All adapters of a base. */
export interface AdapterSet extends Disposable {
  readonly names: readonly string[];
  readonly modules: readonly BaseModule[];
  /** Inputs for rows that all have the adapter of a name, or none. Made when first asked for. */
  alone(name: string | undefined): AdapterFeeds;
  /** Inputs for rows of any adapters. */
  together(): AdapterFeeds;
  /** False where the one adapter brings whole weights: then no text can be without it. */
  readonly hasBase: boolean;
  /** Throws BAD_OPTION for a name that no adapter has. */
  require(name: string): void;
}

/** The inputs of so many tokens of one sequence, that choose its adapter. */
export type ChoiceOf = (own: Owner["own"], tokens: number) => Readonly<Record<string, Tensor>>;

/** What a set is made of. */
export interface SetParts {
  readonly modules: readonly BaseModule[];
  readonly adapters: readonly LoadedAdapter[];
  /** Weights in the base's place. */
  readonly replaced: ReadonlyMap<string, unknown>;
}

/** Throws BAD_OPTION for the name of an adapter that is not there, UNSUPPORTED for no adapter where the base is not there. */
export function requireAdapter(adapters: AdapterSet | undefined, name: string | undefined): void {
  if (name === undefined && adapters && !adapters.hasBase)
    fail(
      "UNSUPPORTED",
      `adapter: ${adapters.names[0]} brings whole weights, so that the model without it is not in memory`,
    );
  if (name === undefined) return;
  if (!adapters) fail("BAD_OPTION", `adapter: got ${JSON.stringify(name)}, and the model has none`);
  else adapters.require(name);
}

/** Inputs for a sequence of one adapter, or of none; there are none where the base has no adapters. Throws BAD_OPTION. */
export function choiceOf(adapters: AdapterSet | undefined, name: string | undefined): ChoiceOf {
  requireAdapter(adapters, name);
  if (!adapters) return () => ({});
  const feeds = adapters.alone(name);
  return (own, tokens) => {
    const choice = feeds.choice(own, tokens);
    choice.set(0, tokens, name);
    return { ...feeds.tensors, ...choice.tensors };
  };
}

/** A set of adapters, whose tensors `runtime` keeps until it is disposed. */
export function adapterSet(runtime: Runtime, { modules, adapters, replaced }: SetParts): AdapterSet {
  const owner = createOwner();
  const made = new Map<string, AdapterFeeds>();
  const feedsOf = (key: string, some: readonly LoadedAdapter[]): AdapterFeeds => {
    const feeds = made.get(key) ?? feedsFor(runtime, modules, some, owner);
    made.set(key, feeds);
    return feeds;
  };
  const byName = (name: string): LoadedAdapter =>
    adapters.find((each) => each.name === name) ??
    fail(
      "BAD_OPTION",
      `adapter: got ${JSON.stringify(name)}, expected one of ${adapters.map((each) => each.name).join(", ")}`,
    );
  return {
    names: adapters.map(({ name }) => name),
    modules,
    hasBase: replaced.size === 0,
    require: (name) => void byName(name),
    alone: (name) => (name === undefined ? feedsOf("", []) : feedsOf(`of ${name}`, [byName(name)])),
    together: () => feedsOf("all", adapters),
    [Symbol.dispose]: owner.dispose,
  };
}

/** Columns of an adapter: its largest rank, to which the matrices of its other modules are filled up. */
const columnsOf = ({ modules }: LoadedAdapter): number => Math.max(1, ...[...modules.values()].map(({ rank }) => rank));

function feedsFor(
  runtime: Runtime,
  modules: readonly BaseModule[],
  adapters: readonly LoadedAdapter[],
  owner: Owner,
): AdapterFeeds {
  const starts = new Map<string, { readonly start: number; readonly columns: number; readonly index: number }>();
  let columns = 0;
  for (const [index, adapter] of adapters.entries()) {
    starts.set(adapter.name, { start: columns, columns: columnsOf(adapter), index });
    columns += columnsOf(adapter);
  }
  const width = Math.max(1, columns);
  const count = Math.max(1, adapters.length);
  const tensors: Record<string, Tensor> = {};
  const keep = (name: string, shape: readonly number[], data: Float32Array<ArrayBuffer>) => {
    tensors[name] = owner.own(runtime.tensor("float32", shape, data));
  };
  for (const base of modules) {
    const names = adapterInputs(base.module);
    const parts = adapters.map(({ name, modules: own }) => ({
      start: starts.get(name)!.start,
      own: own.get(base.module),
    }));
    const aShape = base.kind === "embedding" ? [base.inner, width] : [width, base.inner];
    keep(names.a, aShape, sideBySide(base, parts, width, true));
    keep(names.b, [base.outer, width], sideBySide(base, parts, width, false));
    const vectors = (part: "gain" | "offset") => {
      const data = new Float32Array(count * base.outer);
      for (const [i, { own }] of parts.entries()) if (own?.[part]) data.set(own[part], i * base.outer);
      return data;
    };
    if (base.gains) keep(names.gain, [count, base.outer], vectors("gain"));
    if (base.offsets) keep(names.offset, [count, base.outer], vectors("offset"));
  }
  const chooses = modules.some(({ gains, offsets }) => gains || offsets);
  return {
    tensors,
    choice(own, rows) {
      const mask = own(runtime.tensor("float32", [rows, width]));
      const chosen = chooses ? own(runtime.tensor("float32", [rows, count])) : undefined;
      return {
        tensors: { [ADAPTER_MASK]: mask, ...(chosen && { [ADAPTER_ROWS]: chosen }) },
        set(from, to, name) {
          const place = name === undefined ? undefined : starts.get(name)!;
          mask.data.fill(0, from * width, to * width);
          chosen?.data.fill(0, from * count, to * count);
          for (let row = from; place && row < to; row++) {
            mask.data.fill(1, row * width + place.start, row * width + place.start + place.columns);
            if (chosen) chosen.data[row * count + place.index] = 1;
          }
        },
      };
    },
  };
}

/** A or B of each adapter in its columns of L; where an adapter has none, zeros. */
function sideBySide(
  { kind, inner, outer }: BaseModule,
  parts: readonly { readonly start: number; readonly own: ModuleTensors | undefined }[],
  width: number,
  isA: boolean,
): Float32Array<ArrayBuffer> {
  const length = isA ? inner : outer;
  const out = new Float32Array(width * length);
  for (const { start, own } of parts) {
    if (!own) continue;
    const { rank, a, b } = own;
    if (isA && kind === "linear")
      out.set(a, start * inner); // (L, in)
    else
      for (let row = 0; row < length; row++)
        for (let r = 0; r < rank; r++) out[row * width + start + r] = isA ? a[r * length + row]! : b[row * rank + r]!; // (rows, L) or (out, L)
  }
  return out;
}
