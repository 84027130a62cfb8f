/** Opens the best runtime that the platform has. Knows which there are, and nothing of how they work. */
import { fail, messageOf, OwnlmError } from "../base/errors.ts";
import type { WebOptions } from "./ort-web.ts";
import type { Runtime } from "./types.ts";

/**
 * Opens a runtime: "native" (ONNX Runtime's C library, on Node) or "web" (WebAssembly, anywhere); by default native
 * where its library is, else web. Options are the web runtime's. Throws RUNTIME_MISSING for a kind that is not there.
 */
export async function openRuntime(kind?: "native" | "web", options?: WebOptions): Promise<Runtime> {
  if (kind !== undefined && kind !== "native" && kind !== "web")
    fail("BAD_OPTION", `runtime: got ${JSON.stringify(kind)}, expected native or web`);
  if (kind === "web") return (await import("./ort-web.ts")).openWebRuntime(options);
  try {
    const runtime = await openPlatform(options);
    if (kind === "native" && runtime.name !== "ort-native")
      fail("RUNTIME_MISSING", "runtime: native was asked for, which is on Node only. Try web.");
    return runtime;
  } catch (error) {
    if (kind === "native" || !(error instanceof OwnlmError) || error.code !== "RUNTIME_MISSING") throw error;
    return (await import("./ort-web.ts")).openWebRuntime(options);
  }
}

/** `#ort` is one module on Node and another elsewhere, so that bundles for browsers hold nothing native. */
async function openPlatform(options: WebOptions | undefined): Promise<Runtime> {
  const platform = await import("#ort").catch((error) =>
    fail("RUNTIME_MISSING", `runtime: ${messageOf(error)}. Try npm install.`, error),
  );
  const open: (options?: WebOptions) => Promise<Runtime> = platform.openPlatformRuntime;
  return open(options);
}
