/** Opens a model as something that answers a server. */
import type { GivenOptions } from "../base/options.ts";
import { openChatTokenizer } from "../generate/chat.ts";
import { type Embedder, openEmbedder } from "../generate/embed.ts";
import { openModel, openModelFiles, openRuntimeFor } from "../generate/load.ts";
import type { MODEL_OPTIONS } from "../generate/options.ts";
import type { Host } from "../host/types.ts";
import { isAdapterFolder } from "../weights/adapter.ts";
import type { Backend } from "./backend.ts";
import { localBackend, type SharingOptions } from "./local.ts";

/** A model to be opened, by the path of its folder or file. */
export interface OpenAsk extends SharingOptions {
  readonly path: string;
  readonly model: GivenOptions<typeof MODEL_OPTIONS>;
}

/** Opens a model in this process. Throws what opening models throws. */
export async function openLocal(host: Host, { path, model, ...sharing }: OpenAsk): Promise<Backend> {
  const runtime = await openRuntimeFor(host);
  const opened = await openModel(host, runtime, path, model);
  // An adapter's folder may be without a tokenizer, which is then its base's.
  const source = isAdapterFolder(host, path) && !host.kindOf(host.join(path, "tokenizer.json")) ? opened.folder : path;
  const chat = opened.tokenizer ? openChatTokenizer(host, source) : undefined;
  // The weights are loaded once more for it: only who asks for vectors pays.
  const embedder = async (): Promise<Embedder> => {
    const files = openModelFiles(host, path, { quantize: model.quantize, onWarning: () => {} });
    const weights = await files.weights();
    try {
      const { context: capacity, threads } = opened;
      return await openEmbedder(runtime, files.model, weights, { capacity, session: { threads } });
    } finally {
      if (weights.scratch !== undefined) host.remove(weights.scratch);
    }
  };
  return localBackend(opened, chat, sharing, embedder);
}
