/** Reverse-mode differentiation: one walk back over the nodes, summing what each rule gives. Knows no operator. */
import { fail } from "../base/errors.ts";
import { apply, scalar, scope } from "../graph/build.ts";
import { add } from "../graph/functions.ts";
import { heldUntil } from "../graph/held.ts";
import type { Node, OpName, Value } from "../graph/types.ts";
import type { GradientRule } from "./rule.ts";
import { GRADIENTS } from "./rules.ts";

/** How the backward pass is written. */
export interface GradientOptions {
  /**
   * Scopes whose activations are dropped after the forward pass and computed again when their gradients are needed
   * (Chen et al. 2016): memory for about a third more work. Each name covers its sub-scopes.
   */
  readonly recompute?: readonly string[];
}

/**
 * Appends the gradients of a scalar `loss` to its graph and returns those of `targets`, in order. Only nodes between the
 * targets and the loss are differentiated. Throws NO_GRADIENT where an operator on the way has none or where the loss
 * does not depend on a target.
 */
export function gradients(loss: Value, targets: readonly Value[], options: GradientOptions = {}): Value[] {
  const { graph } = loss;
  if (loss.shape.length !== 0) fail("BAD_SHAPE", `${loss.name}: got [${loss.shape}], expected a scalar loss`);
  const forward = graph.nodes.slice();
  const active = dependents(forward, targets);
  if (!active.has(loss)) fail("NO_GRADIENT", `${loss.name}: the loss depends on none of the ${targets.length} targets`);
  const sums = new Map<Value, Value>([[loss, scalar(graph, 1, loss.dtype)]]);
  const twins = recomputation(forward, options.recompute ?? []);
  for (const node of forward.toReversed()) {
    const grads = node.outputs.map((value) => sums.get(value));
    if (grads.every((grad) => grad === undefined)) continue;
    if (!node.inputs.some((value) => value && active.has(value))) continue;
    scope(graph, `grad:${node.scope}`, () => {
      const twin = twins(node, grads.find((grad) => grad !== undefined)!);
      accumulate(node, contributions(twin, grads), active, sums);
    });
  }
  return targets.map(
    (t) => sums.get(t) ?? fail("NO_GRADIENT", `${t.name}: the loss ${loss.name} does not depend on it`),
  );
}

function contributions(node: Node, grads: readonly (Value | undefined)[]): readonly (Value | undefined)[] {
  const rule = GRADIENTS[node.op];
  if ("refused" in rule) return fail("NO_GRADIENT", `${node.name}: ${node.op} has no gradient: ${rule.refused}`);
  const grad = grads.find((g) => g !== undefined)!;
  return (rule as GradientRule<OpName>)({
    node,
    inputs: node.inputs.filter((value) => value !== undefined),
    output: node.outputs[0]!,
    grad,
    grads,
  });
}

function accumulate(
  node: Node,
  parts: readonly (Value | undefined)[],
  active: ReadonlySet<Value>,
  sums: Map<Value, Value>,
): void {
  const inputs = node.inputs.filter((value) => value !== undefined);
  for (const [i, value] of inputs.entries()) {
    const part = parts[i];
    if (!part || !active.has(value)) continue;
    const sum = sums.get(value);
    sums.set(value, sum ? add(sum, part) : part);
  }
}

/** The targets and everything computed from them. */
function dependents(nodes: readonly Node[], targets: readonly Value[]): Set<Value> {
  const active = new Set(targets);
  for (const node of nodes)
    if (node.inputs.some((value) => value && active.has(value))) for (const value of node.outputs) active.add(value);
  return active;
}

/**
 * For nodes in a recomputed scope, their twins: the whole scope is written once more when the walk first enters it,
 * reading what the scope read. Other nodes are their own twins.
 */
function recomputation(forward: readonly Node[], scopes: readonly string[]): (node: Node, grad: Value) => Node {
  const written = new Map<string, Map<Node, Node>>();
  const homeOf = (node: Node) => scopes.find((name) => node.scope === name || node.scope.startsWith(`${name}.`));
  return (node, grad) => {
    const home = homeOf(node);
    if (home === undefined) return node;
    let twins = written.get(home);
    if (!twins) {
      twins = rewrite(
        forward.filter((other) => homeOf(other) === home),
        grad,
      );
      written.set(home, twins);
    }
    return twins.get(node)!;
  };
}

function rewrite(nodes: readonly Node[], grad: Value): Map<Node, Node> {
  const inside = new Map<Value, Value>();
  const barriers = new Map<Value, Value>();
  const twins = new Map<Node, Node>();
  const read = (value: Value | undefined) => {
    if (value?.kind !== "node") return value;
    const known = inside.get(value) ?? barriers.get(value);
    if (known) return known;
    const held = heldUntil(value, grad);
    barriers.set(value, held);
    return held;
  };
  for (const node of nodes) {
    const outputs = apply(node.op, node.inputs.map(read), node.attributes as never);
    for (const [i, value] of node.outputs.entries()) inside.set(value, outputs[i]!);
    // The rules read a twin's inputs too: parameters and constants are shared, activations are the recomputed ones.
    twins.set(node, { ...node, inputs: node.inputs.map(read), outputs });
  }
  return twins;
}
