/** The runtime everywhere else: ONNX Runtime compiled to WebAssembly. Keeps the contract by copying in and out. */
import * as ort from "onnxruntime-web";
import type { TensorData } from "../base/dtypes.ts";
import { fail, messageOf } from "../base/errors.ts";
import { checkTensorSize } from "../onnx/check.ts";
import { encodeModel } from "../onnx/encode.ts";
import type { ExternalData, OnnxModel, OnnxTensor } from "../onnx/model.ts";
import { type BoundTensors, checkBinding, checkModel, checkSessionOptions, engineFailure, rowsOf } from "./checks.ts";
import { indexCheck } from "./guards.ts";
import { allocate, checkLive, type Handle, makeTensor } from "./tensors.ts";
import type { Binding, Runtime, Session, SessionOptions, Tensor } from "./types.ts";

/** How the web runtime starts. */
export interface WebOptions {
  /** Threads of the one pool that all sessions share, 1 to 64, fixed by the first session. Default: chosen by the engine. */
  readonly threads?: number;
  /** Reads weights that a model leaves in files. Without it such models are refused. */
  readonly readBytes?: (data: ExternalData) => Promise<Uint8Array>;
  /** Where the engine's .wasm files are served from, ending in a slash. Default: beside its script. */
  readonly wasmPaths?: string;
}

type Handles = WeakMap<Tensor, Handle>;

/**
 * Work waits for the work before it: the engine has one memory, and one list of mounted files, for all its sessions.
 * So this queue, too, is one for all runtimes.
 */
const lane = createLane();

/** Opens the WebAssembly build. Nothing is loaded before the first session. */
export function openWebRuntime(options: WebOptions = {}): Runtime {
  const { threads, wasmPaths } = options;
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= 64))
    fail("BAD_OPTION", `threads: got ${String(threads)}, expected 1 to 64`);
  if (threads !== undefined) ort.env.wasm.numThreads = threads;
  if (wasmPaths !== undefined) ort.env.wasm.wasmPaths = wasmPaths;
  ort.env.logLevel = "fatal";
  const handles: Handles = new WeakMap();
  return {
    name: "ort-web",
    version: ort.env.versions.web ?? "",
    tensor(dtype, shape, data) {
      const elements = allocate(dtype, shape, data as TensorData | undefined);
      const handle = { elements, length: elements.length, disposed: false };
      const tensor = makeTensor(dtype, shape, handle, () => {});
      handles.set(tensor, handle);
      return tensor;
    },
    rows(tensor, from, count) {
      if (!handles.has(tensor)) fail("BAD_DTYPE", "rows: got no tensor of this runtime");
      const { elements, shape } = rowsOf(tensor, from, count);
      const handle = { elements, length: elements.length, disposed: false };
      const part = makeTensor(tensor.dtype, shape, handle, () => {});
      handles.set(part, handle);
      return part;
    },
    session: (model, settings = {}) => createSession(handles, model, settings, options.readBytes),
  };
}

/** What {@link import("./open.ts")} finds behind `#ort` where there is no Node. */
export const openPlatformRuntime = async (options?: WebOptions): Promise<Runtime> => openWebRuntime(options);

/** Runs one action after the other, in the order they come. */
function createLane(): <R>(action: () => Promise<R>) => Promise<R> {
  let last: Promise<unknown> = Promise.resolve();
  return (action) => {
    const mine = last.then(action, action);
    last = mine;
    return mine;
  };
}

async function createSession(
  handles: Handles,
  model: OnnxModel,
  options: SessionOptions,
  readBytes: WebOptions["readBytes"],
): Promise<Session> {
  checkSessionOptions(options);
  checkModel(model);
  const { initializers, files } = await readWeights(model, readBytes);
  const bytes = encodeModel({ ...model, initializers });
  const settings = createSettings(options, files);
  const session = await lane(() => guard(model.name, () => ort.InferenceSession.create(bytes, settings)));
  const bindings = new Set<Binding>();
  let disposed = false;
  const dispose = () => {
    if (disposed) return;
    disposed = true;
    for (const binding of [...bindings]) binding.dispose();
    // Nobody waits for the release, and its memory is lost at worst.
    lane(() => session.release()).catch(() => {});
  };
  return {
    inputs: model.inputs,
    outputs: model.outputs,
    bind(inputs, outputs) {
      if (disposed) fail("DISPOSED", `${model.name}: the session was disposed`);
      const bound = checkBinding(model, inputs, outputs, (tensor) => handles.has(tensor));
      const binding = createBinding(handles, model, session, bound, () => bindings.delete(binding));
      bindings.add(binding);
      return binding;
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}

/** Reads each external range into a file of its own in the engine's memory: a whole file may be larger than that. */
async function readWeights(model: OnnxModel, readBytes: WebOptions["readBytes"]) {
  const files: { path: string; data: Uint8Array }[] = [];
  const initializers: OnnxTensor[] = [];
  for (const tensor of model.initializers) {
    checkTensorSize(tensor);
    const { data } = tensor;
    if (data instanceof Uint8Array) {
      initializers.push(tensor);
      continue;
    }
    if (!readBytes)
      fail(
        "UNSUPPORTED",
        `${data.file}: ${tensor.name}: the web runtime was given no way to read files. Try readBytes.`,
      );
    const read = await readBytes(data);
    if (read.length !== data.length)
      fail("BAD_WEIGHTS", `${data.file}: ${tensor.name}: got ${read.length} bytes, expected ${data.length}`);
    const path = `range-${files.length}`;
    files.push({ path, data: read });
    initializers.push({ ...tensor, data: { file: path, offset: 0, length: data.length } });
  }
  return { initializers, files };
}

/** Log level: errors come back as such, and nothing else is for a user's eyes. */
const FATAL = 4;

/** Threads and spinning belong to the one pool, so a session's own wishes for them are not heard. */
function createSettings(options: SessionOptions, externalData: { path: string; data: Uint8Array }[]) {
  if (options.profile !== undefined) fail("UNSUPPORTED", "profile: the web runtime writes no files");
  const passes = options.disabledPasses ?? [];
  return {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "all",
    logSeverityLevel: FATAL,
    enableCpuMemArena: options.arena ?? true,
    enableMemPattern: options.memoryPattern ?? true,
    externalData,
    extra: passes.length ? { optimization: { disable_specified_optimizers: passes.join(";") } } : {},
  } satisfies ort.InferenceSession.SessionOptions;
}

function createBinding(
  handles: Handles,
  model: OnnxModel,
  session: ort.InferenceSession,
  { ties, axes }: BoundTensors,
  onDispose: () => void,
): Binding {
  const where = model.name;
  const bound = ties.map((tie) => ({ ...tie, handle: handles.get(tie.tensor)! }));
  const feeds: Record<string, ort.Tensor> = Object.create(null);
  for (const { side, name, tensor, handle } of bound) {
    checkLive(handle, where, name);
    if (tensor.dtype === "bfloat16") fail("UNSUPPORTED", `${where}: ${name}: the web runtime passes no bfloat16`);
    if (side === "input") feeds[name] = new ort.Tensor(tensor.dtype, handle.elements as Float32Array, tensor.shape);
  }
  const checkIndices = indexCheck(model, { ties, axes });
  const outputs = bound.filter(({ side }) => side === "output");
  const fetches = outputs.map(({ name }) => name);
  let disposed = false;
  const dispose = () => {
    disposed = true;
    onDispose();
  };
  const check = () => {
    if (disposed) fail("DISPOSED", `${where}: the binding was disposed`);
    for (const { name, handle } of bound) checkLive(handle, where, name);
  };
  const run = async () => {
    check();
    checkIndices();
    const results = await guard(where, () => session.run(feeds, fetches, { logSeverityLevel: FATAL }));
    check();
    for (const { name, tensor, handle } of outputs) {
      const { data, dims } = results[name]!;
      if (dims.join() !== tensor.shape.join())
        fail("RUNTIME", `${where}: ${name}: got [${dims.join(", ")}] computed, expected [${tensor.shape.join(", ")}]`);
      bytesOf(handle.elements).set(bytesOf(data as TensorData));
    }
  };
  return {
    async run() {
      check();
      await lane(run);
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: TensorData) => new Uint8Array(buffer, byteOffset, byteLength);

/** Turns what the engine throws into our errors. */
async function guard<R>(where: string, action: () => Promise<R>): Promise<R> {
  try {
    return await action();
  } catch (error) {
    return engineFailure(where, "ONNX Runtime Web", messageOf(error), error);
  }
}
