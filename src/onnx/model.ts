/** An ONNX model as plain data: what a ModelProto says, and nothing of what it means. */
import type { DType } from "../base/dtypes.ts";

/** Bytes that stay in a file: `offset` and `length` in bytes; `file` is an absolute path. */
export interface ExternalData {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/** What constants are made of: "uint4" stands two to a byte, the first in its low half, and is read by nodes alone. */
export type StoredType = DType | "uint4";

/** A constant: its elements little-endian in `data`, or left where they are in a file. */
export interface OnnxTensor {
  readonly name: string;
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  readonly data: Uint8Array | ExternalData;
}

/** An attribute tagged with ONNX's own type. */
export type OnnxAttribute =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "graph"; readonly value: OnnxBranch };

/** A graph inside a node, which reads the values around it by name. Its names are none of theirs. */
export interface OnnxBranch {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly outputs: readonly OnnxValueInfo[];
}

/** One operator call. An absent optional input is the empty string. `domain` "" is ONNX's own. */
export interface OnnxNode {
  readonly name: string;
  readonly domain: string;
  readonly opType: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** An input or output: a number is a fixed axis, a string a named one that is known when the model runs. */
export interface OnnxValueInfo {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly (number | string)[];
}

/**
 * An integer input whose elements count along an axis of this length: they must lie below it, and be 0 or more, or no
 * less than minus the length where `fromEnd` lets negative ones count from the end.
 */
export interface IndexGuard {
  readonly input: string;
  readonly length: number | string;
  readonly fromEnd: boolean;
}

/**
 * A whole model. Two parts are ours, not ONNX's: `aliases` lists [input, output] pairs that may share one buffer (a KV
 * cache), and `guards` what a runtime checks before each run.
 */
export interface OnnxModel {
  readonly name: string;
  readonly opsets: Readonly<Record<string, number>>;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly initializers: readonly OnnxTensor[];
  readonly aliases?: readonly (readonly [input: string, output: string])[];
  readonly guards?: readonly IndexGuard[];
}
