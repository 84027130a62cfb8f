/** The runtime on Node: ONNX Runtime through its C API. Owns the memory and the handles, and checks before each call. */
import { type ArrayOf, bytesOf, type DType, type TensorData, viewAs } from "../base/dtypes.ts";
import { fail } from "../base/errors.ts";
import { DATA_TYPES, encodeModel } from "../onnx/encode.ts";
import type { OnnxModel } from "../onnx/model.ts";
import { checkBinding, checkedSize, checkSessionOptions, copyInto } from "./checks.ts";
import { addressOf, type OrtApi, openOrtApi, type Pointer } from "./ort-native-api.ts";
import { externalFolder } from "./ort-native-files.ts";
import type { Binding, Runtime, Session, SessionOptions, Tensor } from "./types.ts";

/** ONNX Runtime's kernels load whole cache lines and vector registers. */
const ALIGNMENT = 64;

/** What a tensor hides: its OrtValue, and the buffer that must not be detached. */
interface Handle {
  readonly value: Pointer;
  readonly data: TensorData;
  disposed: boolean;
}

/** Opens ONNX Runtime. Throws RUNTIME_MISSING where there is no library for this platform. */
export function openNativeRuntime(): Runtime {
  const api = openOrtApi();
  const handles = new WeakMap<Tensor, Handle>();
  return {
    name: "ort-native",
    version: api.version,
    tensor: (dtype, shape, data) => createTensor(api, handles, dtype, shape, data),
    session: async (model, options = {}) => createSession(api, handles, model, options),
  };
}

type Handles = WeakMap<Tensor, Handle>;

function createTensor<D extends DType>(
  api: OrtApi,
  handles: Handles,
  dtype: D,
  shape: readonly number[],
  data?: ArrayOf<D> | TensorData,
): Tensor<D> {
  const size = checkedSize(dtype, shape, data);
  const byteLength = size * bytesOf(dtype);
  const elements = allocate(dtype, size, byteLength);
  if (data) copyInto(elements, data);
  const dims = BigInt64Array.from(shape, BigInt);
  const value = api.create(
    "CreateTensorWithDataAsOrtValue",
    api.cpuMemory,
    elements,
    byteLength,
    dims,
    shape.length,
    DATA_TYPES[dtype],
  );
  const handle: Handle = { value, data: elements, disposed: false };
  const dispose = () => {
    if (handle.disposed) return;
    handle.disposed = true;
    api.call.ReleaseValue(value);
  };
  const tensor: Tensor<D> = Object.freeze({
    dtype,
    shape: Object.freeze([...shape]),
    byteLength,
    get disposed() {
      return handle.disposed;
    },
    get data() {
      return handle.disposed ? fail("DISPOSED", `tensor ${dtype} [${shape}]: used after dispose`) : elements;
    },
    dispose,
    [Symbol.dispose]: dispose,
  });
  handles.set(tensor, handle);
  return tensor;
}

/** Zeros at an aligned address inside an ArrayBuffer of their own: small typed arrays live on V8's heap, and move. */
function allocate<D extends DType>(dtype: D, size: number, byteLength: number): ArrayOf<D> {
  try {
    const buffer = new ArrayBuffer(byteLength + 2 * ALIGNMENT);
    const past = Number(addressOf(buffer) % BigInt(ALIGNMENT));
    return viewAs(dtype, buffer, past === 0 ? 0 : ALIGNMENT - past, size);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return fail("OUT_OF_MEMORY", `tensor: could not get ${byteLength} bytes of memory`, error);
  }
}

function createSession(api: OrtApi, handles: Handles, model: OnnxModel, options: SessionOptions): Session {
  checkSessionOptions(options);
  const files = externalFolder(model);
  const bytes = encodeModel(model, files?.locate);
  const settings = createSettings(api, options, files?.folder);
  let session: Pointer;
  try {
    session = api.create("CreateSessionFromArray", api.env, bytes, bytes.length, settings);
  } finally {
    api.call.ReleaseSessionOptions(settings);
  }
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
      checkBinding(model, inputs, outputs, (tensor) => handles.has(tensor));
      const binding = createBinding(api, handles, model, session, inputs, outputs, () => bindings.delete(binding));
      bindings.add(binding);
      return binding;
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}

function createSettings(api: OrtApi, options: SessionOptions, folder: string | undefined): Pointer {
  const settings = api.create("CreateSessionOptions");
  const ALL_OPTIMISATIONS = 99;
  api.check("SetSessionGraphOptimizationLevel", settings, ALL_OPTIMISATIONS);
  if (options.threads !== undefined) api.check("SetIntraOpNumThreads", settings, options.threads);
  if (options.arena === false) api.check("DisableCpuMemArena", settings);
  if (options.profile !== undefined) api.check("EnableProfiling", settings, options.profile);
  const entry = (key: string, value: string) => api.check("AddSessionConfigEntry", settings, key, value);
  entry("session.intra_op.allow_spinning", options.spinning === false ? "0" : "1");
  if (options.disabledPasses?.length)
    entry("optimization.disable_specified_optimizers", options.disabledPasses.join(";"));
  if (folder !== undefined) entry("session.model_external_initializers_file_folder_path", folder);
  return settings;
}

function createBinding(
  api: OrtApi,
  handles: Handles,
  model: OnnxModel,
  session: Pointer,
  inputs: Readonly<Record<string, Tensor>>,
  outputs: Readonly<Record<string, Tensor>>,
  onDispose: () => void,
): Binding {
  const binding = api.create("CreateIoBinding", session);
  const bound: { name: string; handle: Handle; length: number }[] = [];
  const tie = (call: "BindInput" | "BindOutput", name: string, tensor: Tensor) => {
    const handle = handles.get(tensor)!;
    api.check(call, binding, name, handle.value);
    bound.push({ name, handle, length: handle.data.length });
  };
  for (const { name } of model.inputs) tie("BindInput", name, inputs[name]!);
  for (const { name } of model.outputs) tie("BindOutput", name, outputs[name]!);
  let disposed = false;
  const dispose = () => {
    if (disposed) return;
    disposed = true;
    api.call.ReleaseIoBinding(binding);
    onDispose();
  };
  const runWithBinding = api.call.RunWithBinding;
  return {
    run() {
      if (disposed) fail("DISPOSED", `${model.name}: the binding was disposed`);
      for (const { name, handle, length } of bound) {
        if (handle.disposed) fail("DISPOSED", `${model.name}: ${name}: the tensor was disposed`);
        if (handle.data.length !== length)
          fail("DISPOSED", `${model.name}: ${name}: the tensor's buffer was taken away`);
      }
      api.raise("RunWithBinding", runWithBinding(session, null, binding));
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}
