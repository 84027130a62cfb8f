/** ONNX Runtime's C functions, found by their place in the OrtApi table. Knows C calls; owns nothing but the library. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import koffi, { type LibraryHandle } from "koffi";
import { fail, messageOf } from "../base/errors.ts";
import { engineFailure } from "./checks.ts";

/**
 * The version of OrtApi asked for. Every place and signature below was compared with the declarations of version 30; a
 * library of another version is refused, since kernels change too, and what they tolerate was tested with this one.
 */
const API_VERSION = 30;

/** A C pointer, as koffi gives it. */
export type Pointer = bigint;

/** Name, place in the append-only OrtApi table, and C signature with %s for the function's name. */
const FUNCTIONS = {
  GetErrorMessage: [2, "const char *%s(const void *status)"],
  CreateEnv: [3, "void *%s(int level, const char *id, _Out_ void **out)"],
  CreateSessionFromArray: [8, "void *%s(void *env, const void *data, size_t length, void *options, _Out_ void **out)"],
  CreateSessionOptions: [10, "void *%s(_Out_ void **out)"],
  EnableProfiling: [14, "void *%s(void *options, const PATH_CHAR *prefix)"],
  DisableMemPattern: [17, "void *%s(void *options)"],
  DisableCpuMemArena: [19, "void *%s(void *options)"],
  SetSessionLogSeverityLevel: [22, "void *%s(void *options, int level)"],
  SetSessionGraphOptimizationLevel: [23, "void *%s(void *options, int level)"],
  SetIntraOpNumThreads: [24, "void *%s(void *options, int threads)"],
  CreateTensorWithDataAsOrtValue: [
    49,
    "void *%s(const void *info, void *data, size_t bytes, const int64_t *shape, size_t rank, int type, _Out_ void **out)",
  ],
  CreateCpuMemoryInfo: [69, "void *%s(int allocator, int type, _Out_ void **out)"],
  ReleaseStatus: [93, "void %s(void *status)"],
  ReleaseSession: [95, "void %s(void *session)"],
  ReleaseValue: [96, "void %s(void *value)"],
  ReleaseSessionOptions: [100, "void %s(void *options)"],
  AddSessionConfigEntry: [130, "void *%s(void *options, const char *key, const char *value)"],
  RunWithBinding: [133, "void *%s(void *session, const void *runOptions, const void *binding)"],
  CreateIoBinding: [134, "void *%s(void *session, _Out_ void **out)"],
  ReleaseIoBinding: [135, "void %s(void *binding)"],
  BindInput: [136, "void *%s(void *binding, const char *name, const void *value)"],
  BindOutput: [137, "void *%s(void *binding, const char *name, const void *value)"],
} as const satisfies Record<string, readonly [number, string]>;

type FunctionName = keyof typeof FUNCTIONS;

/** The C functions by name. Those that return a status return 0n or null for success. */
export interface OrtApi {
  readonly version: string;
  readonly env: Pointer;
  readonly cpuMemory: Pointer;
  readonly call: Readonly<Record<FunctionName, (...args: unknown[]) => unknown>>;
  /** Throws RUNTIME (or OUT_OF_MEMORY) for a status that is not null, with ONNX Runtime's own words, and frees it. */
  raise(where: string, status: unknown): void;
  /** Calls a function that returns a status; throws like `raise`. */
  check(name: FunctionName, ...args: unknown[]): void;
  /** Like `check`, for functions whose last argument is an out pointer: returns it. */
  create(name: FunctionName, ...args: unknown[]): Pointer;
}

/**
 * The library, opened once for the life of the process: koffi unloads a library whose handle is collected, and every
 * function pointer dies with it. This is the one piece of global state in ownlm.
 */
let opened: OrtApi | undefined;

/** Opens the library that onnxruntime-node ships. Throws RUNTIME_MISSING where there is none for this platform. */
export function openOrtApi(): OrtApi {
  opened ??= load(libraryPath());
  return opened;
}

const LIBRARY_NAMES: Readonly<Record<string, string>> = {
  linux: "libonnxruntime.so.1",
  darwin: "libonnxruntime.1.dylib",
  win32: "onnxruntime.dll",
};

function libraryPath(): string {
  const platform = `${process.platform}/${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve("onnxruntime-node/package.json");
    const name = LIBRARY_NAMES[process.platform] ?? "";
    const file = path.join(path.dirname(entry), "bin/napi-v6", process.platform, process.arch, name);
    if (name && existsSync(file)) return file;
  } catch (error) {
    return fail("RUNTIME_MISSING", `onnxruntime-node: ${messageOf(error)}. Try npm install.`, error);
  }
  return fail("RUNTIME_MISSING", `onnxruntime-node has no library for ${platform}. Try the web runtime.`);
}

function load(file: string): OrtApi {
  const library = loadLibrary(file);
  const base = library.func("void *OrtGetApiBase()")();
  const [getApi, getVersion] = [0, 8].map((offset) => koffi.decode(base, offset, "void *"));
  const version = String(koffi.call(getVersion, koffi.proto("const char *(void)")));
  if (Number(version.split(".")[1]) !== API_VERSION)
    fail("RUNTIME_MISSING", `${file}: got ONNX Runtime ${version}, expected 1.${API_VERSION}. Try npm install.`);
  const table = koffi.call(getApi, koffi.proto("void *(uint32_t version)"), API_VERSION);
  if (!table) fail("RUNTIME_MISSING", `${file}: got ONNX Runtime ${version} without API version ${API_VERSION}`);
  const call = Object.fromEntries(
    Object.entries(FUNCTIONS).map(([name, [index, signature]]) => {
      const declaration = signature.replace("%s", "").replace("PATH_CHAR", PATH_CHAR);
      return [name, koffi.decode(koffi.decode(table, 8 * index, "void *"), koffi.proto(declaration))];
    }),
  ) as OrtApi["call"];
  const raise = (where: string, status: unknown) => {
    if (status) engineFailure(where, "ONNX Runtime", takeMessage(call, status));
  };
  const check = (name: FunctionName, ...args: unknown[]) => raise(name, call[name](...args));
  const create = (name: FunctionName, ...args: unknown[]): Pointer => {
    const out: [Pointer | null] = [null];
    check(name, ...args, out);
    return out[0]!;
  };
  const env = create("CreateEnv", FATAL, "ownlm");
  const cpuMemory = create("CreateCpuMemoryInfo", 0, 0);
  // `library` is kept here so that it is never collected.
  return Object.freeze({ version, env, cpuMemory, call, raise, check, create, library });
}

/** Log level: errors come back as statuses, and nothing else is for a user's eyes. */
const FATAL = 4;

/** Paths are UTF-16 on Windows, UTF-8 elsewhere. */
const PATH_CHAR = process.platform === "win32" ? "char16_t" : "char";

function loadLibrary(file: string): LibraryHandle {
  try {
    return koffi.load(file);
  } catch (error) {
    return fail("RUNTIME_MISSING", `${file}: ${messageOf(error)}. Try the web runtime.`, error);
  }
}

function takeMessage(call: OrtApi["call"], status: unknown): string {
  const text = String(call.GetErrorMessage(status));
  call.ReleaseStatus(status);
  return text;
}

/** The address of a buffer's first byte. */
export function addressOf(buffer: ArrayBuffer): Pointer {
  return koffi.address(buffer);
}
