/** Runs one runtime on what nobody should ask of it, and tells each outcome. Run by hostile.test.ts. */
import process from "node:process";
import { OwnlmError } from "../../src/base/errors.ts";
import { openEngine } from "../../src/generate/engine.ts";
import type { OnnxModel } from "../../src/onnx/model.ts";
import type { Tensor } from "../../src/runtime/types.ts";
import { causalLmBatch, causalLmObjective } from "../../src/train/objective.ts";
import { createStepper } from "../../src/train/stepper.ts";
import { goldenModel } from "../helpers/reference-models.ts";
import { cached, initializer, int, model, node, RUNTIMES, value } from "./runtimes.ts";

const { runtime } = RUNTIMES.find(({ name }) => name === process.argv[2])!;

type Fill = Readonly<Record<string, number>>;

/** Runs a model once, each input filled with one number (NaN where none is given). */
async function once(made: OnnxModel, fill: Fill = {}): Promise<void> {
  using session = await runtime.session(made, { threads: 2 });
  const fixed = (shape: readonly (number | string)[]) => shape.map((dim) => (typeof dim === "string" ? 1 : dim));
  const tensors = (side: OnnxModel["inputs"]): Record<string, Tensor> =>
    Object.fromEntries(side.map(({ name, dtype, shape }) => [name, runtime.tensor(dtype, fixed(shape))]));
  const [inputs, outputs] = [tensors(made.inputs), tensors(made.outputs)];
  for (const [name, { dtype, data }] of Object.entries(inputs))
    data.fill((dtype === "int64" ? BigInt(fill[name] ?? 0) : (fill[name] ?? Number.NaN)) as never);
  for (const [from, to] of made.aliases ?? []) outputs[to] = inputs[from]!;
  using binding = session.bind(inputs, outputs);
  await binding.run();
}

const unary = (opType: string, ...shape: number[]) =>
  model([node(opType, ["x"], ["y"])], [value("x", "float32", ...shape)], [value("y", "float32", ...shape)]);

function chain(length: number): OnnxModel {
  const name = (i: number) => (i === 0 ? "x" : i === length ? "y" : `t${i}`);
  const nodes = Array.from({ length }, (_, i) => node("Neg", [name(i)], [name(i + 1)]));
  return model(nodes.reverse(), [value("x", "float32", 1)], [value("y", "float32", 1)]);
}

/** y = the sum of a float repeated that often. */
const repeated = (...shape: bigint[]) =>
  model(
    [node("Expand", ["x", "shape"], ["all"]), node("ReduceSum", ["all"], ["y"], { keepdims: int(0) })],
    [value("x", "float32", 1)],
    [value("y", "float32")],
    { initializers: [initializer("shape", "int64", [shape.length], BigInt64Array.from(shape))] },
  );

const product = (op: string, domain = "") =>
  model(
    [node(op, ["x", "w"], ["y"], {}, domain)],
    [value("x", "float32", 3, 0), value("w", "float32", 0, 4)],
    [value("y", "float32", 3, 4)],
  );

const rotary = (heads: number, width: number) =>
  model(
    [node("RotaryEmbedding", ["x", "at", "c", "s"], ["y"], { num_heads: int(heads) }, "com.microsoft")],
    [
      value("x", "float32", 1, 3, 16),
      value("at", "int64", 1, 3),
      ...["c", "s"].map((n) => value(n, "float32", 8, width)),
    ],
    [value("y", "float32", 1, 3, 16)],
  );

const picked = (op: string, rows: number) =>
  model(
    [node(op, ["x", "at"], ["y"])],
    [value("x", "float32", rows, 4), value("at", "int64", ...(op === "Gather" ? [2] : [2, 4]))],
    [value("y", "float32", 2, 4)],
  );

const scattered = model(
  [node("ScatterElements", ["x", "at", "u"], ["y"], { reduction: { kind: "string", value: "add" } })],
  [value("x", "float32", 8, 4), value("at", "int64", 3, 4), value("u", "float32", 3, 4)],
  [value("y", "float32", 8, 4)],
);

const reshaped = (...target: bigint[]) =>
  model([node("Reshape", ["x", "to"], ["y"])], [value("x", "float32", 4)], [value("y", "float32", "N", 4)], {
    initializers: [initializer("to", "int64", [target.length], BigInt64Array.from(target))],
  });

const lengths = (seqlens_k: number, total_sequence_length: number) => () =>
  once(cached(16), { seqlens_k, total_sequence_length });

/** A tiny model whose hooks do what they should not. */
async function hook(act: (engine: Awaited<ReturnType<typeof openTiny>>) => unknown): Promise<void> {
  const engine = await openTiny();
  await engine.appendShowing([1, 2, 3, 4, 5, 6], () => void act(engine));
}

function openTiny(chunk = 2) {
  const { model: tiny, weights } = goldenModel("llama-tiny");
  const place = (name: string) => ({ kind: "memory", data: Float32Array.from(weights.get(name)!.data) }) as const;
  return openEngine(runtime, tiny, { place }, { chunk, session: { threads: 2 } });
}

async function train(act: (stepper: Awaited<ReturnType<typeof openTrainer>>) => void): Promise<void> {
  const stepper = await openTrainer();
  await stepper.step(1, 1e-3, () => act(stepper));
}

function openTrainer() {
  const adamw = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0 };
  const objective = causalLmObjective(goldenModel("llama-tiny").model, 2, 8);
  const shape = { clipNorm: 1, checkpointing: false, accumulation: 2, seed: 1 };
  return createStepper(runtime, objective, { ...shape, adamw, session: { threads: 2 } });
}

const CASES: Readonly<Record<string, () => Promise<unknown>>> = {
  "attention: last of the cache": lengths(15, 16),
  "attention: seqlens_k at the end": lengths(16, 17),
  "attention: seqlens_k huge": lengths(1e9, 1e9 + 1),
  "attention: seqlens_k largest": lengths(2 ** 31 - 1, 16),
  "attention: seqlens_k negative": lengths(-1e9, 1),
  "attention: total zero": lengths(0, 0),
  "attention: total negative": lengths(0, -1),
  "attention: total huge": lengths(0, 1e9),
  "attention: no cache": () => once(cached(0), { seqlens_k: 0, total_sequence_length: 1 }),
  "rotary: position past the table": () => once(rotary(2, 4), { at: 8 }),
  "rotary: position huge": () => once(rotary(2, 4), { at: 2 ** 52 }),
  "rotary: position negative": () => once(rotary(2, 4), { at: -1 }),
  "rotary: no heads": () => once(rotary(0, 0), { at: 0 }),
  "rotary: heads that do not divide": () => once(rotary(5, 4), { at: 0 }),
  "gather: past the end": () => once(picked("Gather", 8), { at: 8 }),
  "gather: huge": () => once(picked("Gather", 8), { at: -(2 ** 52) }),
  "gather: from nothing": () => once(picked("Gather", 0), { at: 0 }),
  "gather elements: from nothing": () =>
    once({ ...picked("GatherElements", 0), guards: [{ input: "at", length: 0, fromEnd: true }] }),
  "gather elements: guarded": () =>
    once({ ...picked("GatherElements", 8), guards: [{ input: "at", length: 8, fromEnd: true }] }, { at: 8 }),
  "scatter: past the end": () => once(scattered, { at: 8 }),
  "scatter: negative": () => once(scattered, { at: -9 }),
  "empty: softmax": () => once(unary("Softmax", 3, 0)),
  "empty: sum": () => once(repeated(0n)),
  "empty: product": () => once(product("MatMul")),
  "empty: fused product": () => once(product("FusedMatMul", "com.microsoft")),
  "NaN everywhere": () => once(unary("Softmax", 64, 64)),
  "reshape: too many": () => once(reshaped(3n, 4n)),
  "reshape: negative": () => once(reshaped(-2n, 4n)),
  "expand: more than there is": () => once(repeated(10n ** 16n)),
  "expand: more than can be counted": () => once(repeated(2n ** 31n, 2n ** 31n, 2n ** 31n)),
  "a chain of 20000 nodes, last first": () => once(chain(20000)),
  "engine: disposed while it shows": () => hook((engine) => engine.dispose()),
  "engine: cut back while it shows": () => hook((engine) => engine.truncate(0)),
  "engine: more appended while it shows": () => {
    const more: Promise<unknown>[] = [];
    const started = hook((engine) => {
      const append = engine.append([1, 2, 3]);
      append.catch(() => {});
      more.push(append);
    });
    return started.then(() => Promise.all(more));
  },
  "engine: appended twice at once": async () => {
    const engine = await openTiny();
    await Promise.all([engine.append([1, 2, 3]), engine.append([1, 2, 3])]);
  },
  "engine: disposed while it runs": async () => {
    const engine = await openTiny();
    const running = engine.append([1, 2, 3, 4, 5]);
    engine.dispose();
    await running;
  },
  "engine: used after dispose": async () => {
    const engine = await openTiny();
    engine.dispose();
    await engine.append([1]);
  },
  "engine: pieces of nothing": () => openPieces(0),
  "engine: pieces of no number": () => openPieces(Number.NaN),
  "stepper: disposed while it fills": () => train((stepper) => stepper.dispose()),
  "stepper: tensors disposed while it fills": () =>
    train((stepper) => {
      for (const tensor of stepper.tensors().values()) tensor.dispose();
    }),
  "stepper: a batch transferred away": () =>
    train(({ inputs }) => {
      const { data } = causalLmBatch(inputs).targets;
      structuredClone(data, { transfer: [data.buffer] });
    }),
  "stepper: a target past the vocabulary": () =>
    train(({ inputs }) => void causalLmBatch(inputs).targets.data.fill(2n ** 40n)),
  "stepper: weights of NaN": () => train(({ inputs }) => void causalLmBatch(inputs).weights.data.fill(Number.NaN)),
};

async function openPieces(chunk: number): Promise<void> {
  using engine = await openTiny(chunk);
  await engine.append([1, 2, 3]);
}

for (const [name, act] of Object.entries(CASES)) {
  process.stdout.write(`${name} => `);
  const outcome = await act().then(
    () => "ran",
    (error) => (error instanceof OwnlmError ? error.code : `untyped: ${error}`),
  );
  process.stdout.write(`${outcome}\n`);
}
process.exit(0);
