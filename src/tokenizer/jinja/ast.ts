/** The parts of a parsed template. */
import type { Value } from "./values.ts";

export type BinaryOp = "+" | "-" | "*" | "/" | "//" | "%" | "**";
export type CompareOp = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in";

export interface CallArgs {
  readonly at: readonly Expr[];
  readonly named: readonly (readonly [string, Expr])[];
  readonly spread?: Expr | undefined;
  readonly namedSpread?: Expr | undefined;
}

export type Expr =
  | { readonly type: "const"; readonly value: Value }
  | { readonly type: "name"; readonly name: string }
  | { readonly type: "list" | "tuple" | "concat"; readonly items: readonly Expr[] }
  | { readonly type: "dict"; readonly entries: readonly (readonly [Expr, Expr])[] }
  | { readonly type: "attribute"; readonly of: Expr; readonly name: string; readonly line: number }
  | { readonly type: "item"; readonly of: Expr; readonly at: Expr; readonly line: number }
  | {
      readonly type: "slice";
      readonly start?: Expr | undefined;
      readonly stop?: Expr | undefined;
      readonly step?: Expr | undefined;
    }
  | { readonly type: "call"; readonly callee: Expr; readonly args: CallArgs; readonly line: number }
  | {
      readonly type: "filter";
      readonly of: Expr | undefined;
      readonly name: string;
      readonly args: CallArgs;
      readonly line: number;
    }
  | { readonly type: "test"; readonly of: Expr; readonly name: string; readonly args: CallArgs; readonly line: number }
  | { readonly type: "not" | "negative" | "positive"; readonly of: Expr }
  | { readonly type: "and" | "or"; readonly left: Expr; readonly right: Expr }
  | { readonly type: "binary"; readonly op: BinaryOp; readonly left: Expr; readonly right: Expr }
  | { readonly type: "compare"; readonly first: Expr; readonly rest: readonly (readonly [CompareOp, Expr])[] }
  | { readonly type: "if"; readonly test: Expr; readonly then: Expr; readonly otherwise?: Expr | undefined };

export type Target =
  | { readonly type: "name"; readonly name: string }
  | { readonly type: "member"; readonly namespace: string; readonly name: string }
  | { readonly type: "tuple"; readonly items: readonly Target[] };

export interface Parameter {
  readonly name: string;
  readonly otherwise?: Expr | undefined;
}

/** A macro, or what a call block gives as `caller`. */
export interface MacroBody {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly body: readonly Statement[];
  /** Which of `caller`, `varargs` and `kwargs` the body reads. */
  readonly reads: ReadonlySet<string>;
}

export type Statement = { readonly line: number } & (
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "print"; readonly value: Expr }
  | {
      readonly type: "if";
      readonly branches: readonly (readonly [Expr, readonly Statement[]])[];
      readonly otherwise: readonly Statement[];
    }
  | {
      readonly type: "for";
      readonly target: Target;
      readonly over: Expr;
      readonly test?: Expr | undefined;
      readonly recursive: boolean;
      readonly body: readonly Statement[];
      readonly otherwise: readonly Statement[];
    }
  | { readonly type: "set"; readonly target: Target; readonly value: Expr }
  | {
      readonly type: "setblock";
      readonly target: Target;
      readonly filter?: Expr | undefined;
      readonly body: readonly Statement[];
    }
  | { readonly type: "filterblock"; readonly filter: Expr; readonly body: readonly Statement[] }
  | {
      readonly type: "with";
      readonly values: readonly (readonly [Target, Expr])[];
      readonly body: readonly Statement[];
    }
  | { readonly type: "macro"; readonly macro: MacroBody }
  | { readonly type: "callblock"; readonly call: Expr & { readonly type: "call" }; readonly caller: MacroBody }
  | { readonly type: "generation"; readonly body: readonly Statement[] }
  | { readonly type: "break" | "continue" }
);
