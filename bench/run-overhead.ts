/** Measures what `Binding.run()` adds to the C function it calls. Prints one line of JSON, in microseconds. */
import process from "node:process";
import { encodeModel } from "../src/onnx/encode.ts";
import type { OnnxModel } from "../src/onnx/model.ts";
import { openNativeRuntime } from "../src/runtime/ort-native.ts";
import { openOrtApi, type Pointer } from "../src/runtime/ort-native-api.ts";

const PAIRS = 50;
const RUNS = 2000;
const ROUNDS = 15;
const OPTIONS = { threads: 1, spinning: false };

/** As many tensors as decoding with 24 layers binds, a guarded index among them, and next to nothing to compute. */
function model(): OnnxModel {
  const shape = [1];
  const values = (stem: string) =>
    Array.from({ length: PAIRS }, (_, i) => ({ name: `${stem}${i}`, dtype: "float32" as const, shape }));
  return {
    name: "overhead",
    opsets: { "": 21 },
    nodes: values("y").map(({ name }, i) => ({
      name,
      domain: "",
      opType: "Gather",
      inputs: [`x${i}`, "at"],
      outputs: [name],
      attributes: {},
    })),
    inputs: [...values("x"), { name: "at", dtype: "int64", shape }],
    outputs: values("y"),
    initializers: [],
    guards: [{ input: "at", length: 1, fromEnd: true }],
  };
}

/** The same session and tensors by the C functions alone. */
function bareRun(): () => void {
  const api = openOrtApi();
  const settings = api.create("CreateSessionOptions");
  api.check("SetIntraOpNumThreads", settings, OPTIONS.threads);
  api.check("AddSessionConfigEntry", settings, "session.intra_op.allow_spinning", "0");
  const bytes = encodeModel(model());
  const session = api.create("CreateSessionFromArray", api.env, bytes, bytes.length, settings);
  const binding = api.create("CreateIoBinding", session);
  const value = (isIndex: boolean): Pointer => {
    const buffer = new ArrayBuffer(8);
    kept.push(buffer);
    const [size, type] = isIndex ? [8, 7] : [4, 1];
    const shape = BigInt64Array.of(1n);
    return api.create("CreateTensorWithDataAsOrtValue", api.cpuMemory, new Uint8Array(buffer), size, shape, 1, type);
  };
  for (const { name } of model().inputs) api.check("BindInput", binding, name, value(name === "at"));
  for (const { name } of model().outputs) api.check("BindOutput", binding, name, value(false));
  const run = api.call.RunWithBinding;
  return () => {
    if (run(session, null, binding)) throw new Error("RunWithBinding failed");
  };
}

/** Buffers that C points to. */
const kept: ArrayBuffer[] = [];

async function boundRun(): Promise<() => void> {
  const runtime = openNativeRuntime();
  const session = await runtime.session(model(), OPTIONS);
  const tensors = (side: OnnxModel["inputs"]) =>
    Object.fromEntries(side.map(({ name, dtype, shape }) => [name, runtime.tensor(dtype, shape as number[])]));
  const binding = session.bind(tensors(model().inputs), tensors(model().outputs));
  return () => void binding.run();
}

function microseconds(run: () => void): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < RUNS; i++) run();
  return Number(process.hrtime.bigint() - start) / 1000 / RUNS;
}

/** The middle of several rounds, the two taken in turn so that both see the same machine. */
async function main(): Promise<void> {
  const [bare, bound] = [bareRun(), await boundRun()];
  const rounds = Array.from({ length: ROUNDS }, () => [microseconds(bare), microseconds(bound)] as const).slice(3);
  const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;
  const [bareUs, boundUs] = [median(rounds.map(([a]) => a)), median(rounds.map(([, b]) => b))];
  const overheadUs = median(rounds.map(([a, b]) => b - a));
  const round = (x: number) => Math.round(x * 100) / 100;
  const result = {
    tensors: 2 * PAIRS + 1,
    bareUs: round(bareUs),
    boundUs: round(boundUs),
    overheadUs: round(overheadUs),
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

await main();
