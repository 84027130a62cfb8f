/** The runtime on Node: ONNX Runtime through its C API. Owns the memory and the handles, and checks before each call. */
import os from "node:os";
import process from "node:process";
import { type ArrayOf, bytesOf, type DType, type TensorData } from "../base/dtypes.ts";
import { fail } from "../base/errors.ts";
import { DATA_TYPES, encodeModel } from "../onnx/encode.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { type BoundTensors, checkBinding, checkedSize, checkModel, checkSessionOptions, rowsOf } from "./checks.ts";
import { indexCheck } from "./guards.ts";
import { addressOf, type OrtApi, openOrtApi, type Pointer } from "./ort-native-api.ts";
import { type ExternalFolder, externalFolder } from "./ort-native-files.ts";
import { dropFilePages } from "./ort-native-pages.ts";
import { allocate, checkLive, type Handle, makeTensor } from "./tensors.ts";
import type { Binding, Runtime, Session, SessionOptions, Tensor } from "./types.ts";

/** A tensor's OrtValue, beside the elements it points to, which must live as long. */
interface NativeHandle extends Handle {
  readonly value: Pointer;
}

type Handles = WeakMap<Tensor, NativeHandle>;

/** Opens ONNX Runtime. Throws RUNTIME_MISSING where there is no library for this platform, or one of another version. */
export function openNativeRuntime(): Runtime {
  const api = openOrtApi();
  const handles: Handles = new WeakMap();
  return {
    name: "ort-native",
    version: api.version,
    tensor: (dtype, shape, data) => createTensor(api, handles, dtype, shape, data as TensorData | undefined),
    rows(tensor, from, count) {
      if (!handles.has(tensor)) fail("BAD_DTYPE", "rows: got no tensor of this runtime");
      const { elements, shape } = rowsOf(tensor, from, count);
      return tensorOver(api, handles, tensor.dtype, shape, elements);
    },
    session: async (model, options = {}) => createSession(api, handles, model, options),
  };
}

/** What {@link import("./open.ts")} finds behind `#ort` on Node. */
export const openPlatformRuntime = async (): Promise<Runtime> => openNativeRuntime();

function createTensor<D extends DType>(
  api: OrtApi,
  handles: Handles,
  dtype: D,
  lengths: readonly number[],
  data: TensorData | undefined,
): Tensor<D> {
  // Copied, so that what is checked is what is used.
  const shape = Array.isArray(lengths) ? [...lengths] : lengths;
  checkMemory(dtype, shape, checkedSize(dtype, shape, data));
  return tensorOver(api, handles, dtype, shape, allocate(dtype, shape, data, addressOf));
}

function tensorOver<D extends DType>(
  api: OrtApi,
  handles: Handles,
  dtype: D,
  shape: readonly number[],
  elements: ArrayOf<D>,
): Tensor<D> {
  const value = api.create(
    "CreateTensorWithDataAsOrtValue",
    api.cpuMemory,
    elements,
    elements.byteLength,
    BigInt64Array.from(shape, BigInt),
    shape.length,
    DATA_TYPES[dtype],
  );
  const handle = { elements, length: elements.length, disposed: false, value };
  const tensor = makeTensor(dtype, shape, handle, () => api.call.ReleaseValue(value));
  handles.set(tensor, handle);
  return tensor;
}

/** Linux promises more memory than there is, and kills the process that uses it: refuse before. */
function checkMemory(dtype: DType, shape: readonly number[], size: number): void {
  const bytes = size * bytesOf(dtype);
  const most = Math.min(os.totalmem(), process.constrainedMemory?.() || Number.POSITIVE_INFINITY);
  if (bytes > most)
    fail("OUT_OF_MEMORY", `tensor: ${dtype} [${shape.join(", ")}] takes ${bytes} bytes, the machine has ${most}`);
}

function createSession(api: OrtApi, handles: Handles, model: OnnxModel, options: SessionOptions): Session {
  checkSessionOptions(options);
  checkModel(model);
  const files = externalFolder(model);
  const session = loadModel(api, model, options, files);
  if (files) dropFilePages(files.paths);
  const bindings = new Set<Binding>();
  let disposed = false;
  const dispose = () => {
    if (disposed) return;
    disposed = true;
    for (const binding of [...bindings]) binding.dispose();
    api.call.ReleaseSession(session);
  };
  return {
    inputs: model.inputs,
    outputs: model.outputs,
    bind(inputs, outputs) {
      if (disposed) fail("DISPOSED", `${model.name}: the session was disposed`);
      const bound = checkBinding(model, inputs, outputs, (tensor) => handles.has(tensor));
      const binding = createBinding(api, handles, model, session, bound, files, () => bindings.delete(binding));
      bindings.add(binding);
      return binding;
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}

function loadModel(api: OrtApi, model: OnnxModel, options: SessionOptions, files: ExternalFolder | undefined): Pointer {
  const bytes = encodeModel(model, files?.locate);
  const settings = createSettings(api, options, files?.folder);
  const out: [Pointer | null] = [null];
  try {
    api.raise(model.name, api.call.CreateSessionFromArray(api.env, bytes, bytes.length, settings, out));
    return out[0]!;
  } finally {
    api.call.ReleaseSessionOptions(settings);
  }
}

function createSettings(api: OrtApi, options: SessionOptions, folder: string | undefined): Pointer {
  const settings = api.create("CreateSessionOptions");
  try {
    const ALL_OPTIMISATIONS = 99;
    api.check("SetSessionGraphOptimizationLevel", settings, ALL_OPTIMISATIONS);
    if (options.threads !== undefined) api.check("SetIntraOpNumThreads", settings, options.threads);
    if (options.arena === false) api.check("DisableCpuMemArena", settings);
    if (options.memoryPattern === false) api.check("DisableMemPattern", settings);
    if (options.profile !== undefined) api.check("EnableProfiling", settings, options.profile);
    const entry = (key: string, value: string) => api.check("AddSessionConfigEntry", settings, key, value);
    entry("session.intra_op.allow_spinning", options.spinning === false ? "0" : "1");
    if (options.disabledPasses?.length)
      entry("optimization.disable_specified_optimizers", options.disabledPasses.join(";"));
    if (folder !== undefined) entry("session.model_external_initializers_file_folder_path", folder);
    return settings;
  } catch (error) {
    api.call.ReleaseSessionOptions(settings);
    throw error;
  }
}

function createBinding(
  api: OrtApi,
  handles: Handles,
  model: OnnxModel,
  session: Pointer,
  { ties, axes }: BoundTensors,
  files: ExternalFolder | undefined,
  onDispose: () => void,
): Binding {
  // The handles are held here so that no buffer is collected while the binding points to it.
  const bound = ties.map(({ name, tensor }) => ({ name, handle: handles.get(tensor)! }));
  for (const { name, handle } of bound) checkLive(handle, model.name, name);
  const checkIndices = indexCheck(model, { ties, axes });
  const binding = api.create("CreateIoBinding", session);
  let disposed = false;
  const dispose = () => {
    if (disposed) return;
    disposed = true;
    api.call.ReleaseIoBinding(binding);
    onDispose();
  };
  try {
    for (const [i, { side, name }] of ties.entries()) {
      const bind = side === "input" ? api.call.BindInput : api.call.BindOutput;
      api.raise(`${model.name}: ${name}`, bind(binding, name, bound[i]!.handle.value));
    }
  } catch (error) {
    dispose();
    throw error;
  }
  const runWithBinding = api.call.RunWithBinding;
  return {
    run() {
      if (disposed) fail("DISPOSED", `${model.name}: the binding was disposed`);
      for (const { name, handle } of bound) checkLive(handle, model.name, name);
      checkIndices();
      files?.checkUnchanged();
      api.raise(model.name, runWithBinding(session, null, binding));
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}
