/** Opens a model as something that answers a server. */
import type { GivenOptions } from "../base/options.ts";
import { openChatTokenizer } from "../generate/chat.ts";
import { openModel, openRuntimeFor } from "../generate/load.ts";
import type { MODEL_OPTIONS } from "../generate/options.ts";
import type { Host } from "../host/types.ts";
import type { Backend } from "./backend.ts";
import { localBackend, type SharingOptions } from "./local.ts";

/** A model to be opened, by the path of its folder or file. */
export interface OpenAsk extends SharingOptions {
  readonly path: string;
  readonly model: GivenOptions<typeof MODEL_OPTIONS>;
}

/** Opens a model in this process. Throws what opening models throws. */
export async function openLocal(host: Host, { path, model, ...sharing }: OpenAsk): Promise<Backend> {
  const opened = await openModel(host, await openRuntimeFor(host), path, model);
  const chat = opened.tokenizer ? openChatTokenizer(host, path) : undefined;
  return localBackend(opened, chat, sharing);
}
