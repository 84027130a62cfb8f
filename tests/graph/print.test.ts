import { describe, test } from "node:test";
import { gradients } from "../../src/grad/backward.ts";
import { constant, createGraph, input, output, parameter, scope } from "../../src/graph/build.ts";
import { gemm, mul, reduceMean, reshape, silu, split, sub } from "../../src/graph/functions.ts";
import { prune } from "../../src/graph/passes.ts";
import { printGraph } from "../../src/graph/print.ts";
import type { Graph } from "../../src/graph/types.ts";
import { cachedGraph } from "../../src/models/heads.ts";
import { modelFromConfig } from "../../src/models/registry.ts";
import { muonUpdate } from "../../src/optim/muon.ts";
import { stepGraph } from "../../src/train/graphs.ts";
import { causalLmObjective } from "../../src/train/objective.ts";
import { loraObjective } from "../helpers/reference-lora.ts";
import { matchesGolden } from "../helpers/reference-snapshots.ts";

const matches = (graph: Graph, name: string) => matchesGolden(printGraph(graph), "graph", `${name}.txt`);

/** Mean squared error of x W^T against y. */
function leastSquares(): Graph {
  const graph = createGraph("least-squares");
  const x = input(graph, "x", "float32", [4, 3]);
  const y = input(graph, "y", "float32", [4, 2]);
  const weight = scope(graph, "linear", () => parameter(graph, "weight", [2, 3], { kind: "normal", std: 0.02 }));
  const error = sub(
    scope(graph, "linear", () => gemm(x, weight, { transB: true })),
    y,
  );
  const loss = reshape(reduceMean(mul(error, error)), []);
  output(graph, "loss", loss);
  output(graph, "grad", gradients(loss, [weight])[0]!);
  return prune(graph);
}

const tinyLlama = modelFromConfig(
  {
    model_type: "llama",
    vocab_size: 11,
    hidden_size: 32,
    intermediate_size: 12,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    max_position_embeddings: 16,
  },
  "config.json",
);
const tinyGpt2 = modelFromConfig(
  { model_type: "gpt2", vocab_size: 11, n_embd: 8, n_head: 1, n_layer: 1, n_positions: 16 },
  "config.json",
);

describe("graphs print as stable text", () => {
  test("with inputs, parameters, constants, nodes and outputs in order", () => {
    const graph = createGraph("everything");
    const x = input(graph, "x", "float32", ["T", 6]);
    const [a, b] = split(x, 1, [2, 4]);
    const table = constant(graph, "int64", [6], BigInt64Array.of(0n, 1n, 2n, 3n, 4n, 5n), "table");
    scope(graph, "mlp", () => output(graph, "y", silu(b!)));
    output(graph, "a", a!);
    output(graph, "table", table);
    graph.aliases.push(["x", "y"]);
    matches(graph, "everything");
  });

  test("of a regression and its gradient", () => matches(leastSquares(), "least-squares"));

  test("of Llama over a cache", () => matches(cachedGraph(tinyLlama, 1, 16), "llama-cached"));

  test("of GPT-2 over a cache", () => matches(cachedGraph(tinyGpt2, 1, 16), "gpt2-cached"));

  test("of a training step of Llama", () => {
    const adamw = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
    const options = { adamw, clipNorm: 1, checkpointing: false };
    matches(stepGraph(causalLmObjective(tinyLlama, 2, 5), options), "llama-step");
  });

  test("of a training step of GPT-2 that recomputes its block", () => {
    const adamw = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0 };
    const options = { adamw, clipNorm: 0, checkpointing: true };
    matches(stepGraph(causalLmObjective(tinyGpt2, 2, 5), options), "gpt2-step-recomputed");
  });

  test("of a training step of Llama with adapters: only what needs a gradient is in the backward pass", () => {
    const adamw = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
    const lora = { rank: 3, alpha: 6, targets: ["q_proj", "v_proj", "down_proj"] };
    const options = { adamw, clipNorm: 1, checkpointing: false };
    matches(stepGraph(loraObjective(tinyLlama, lora, 2, 5), options), "llama-lora-step");
  });

  test("of Muon's update of a wide matrix", () => {
    const graph = createGraph("muon");
    const weight = parameter(graph, "w", [2, 3], { kind: "zeros" });
    const [grad, rate] = [input(graph, "grad", "float32", [2, 3]), input(graph, "learning_rate", "float32", [])];
    muonUpdate(weight, grad, rate, { rateRatio: 5, momentum: 0.95, weightDecay: 0.1 });
    matches(graph, "muon");
  });
});
