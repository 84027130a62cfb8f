/** Servers of tiny random models, and official clients of them. */

import { writeFileSync } from "node:fs";
import path from "node:path";
import { after } from "node:test";
import OpenAI from "openai";
import { host } from "../../src/host/node.ts";
import { serverHost } from "../../src/host/node-server.ts";
import { createServer, type Server, type ServeSettings } from "../../src/serve/server.ts";
import { modelFolder, smallTokenizer } from "../generate/folders.ts";

/** A template in ChatML, whose marks are ordinary text for the small tokenizer. */
const TEMPLATE =
  "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";

/** A folder of a random model that knows chats. */
export function chatFolder(options: Parameters<typeof modelFolder>[1] = {}): string {
  const folder = modelFolder("llama", { context: 256, tokenizer: smallTokenizer(), ...options });
  writeFileSync(path.join(folder, "chat_template.jinja"), TEMPLATE);
  return folder;
}

const opened: Server[] = [];
after(async () => {
  await Promise.all(opened.map((server) => server.close(100)));
});

/** A server that is closed after the tests of the file. */
export async function serverOf(folder: string, settings: ServeSettings = {}): Promise<Server> {
  const server = await createServer(host, serverHost, [folder], { alias: ["tiny"], port: 0, threads: 1, ...settings });
  opened.push(server);
  return server;
}

/** The official client, in process. */
export const clientOf = (server: Server): OpenAI =>
  new OpenAI({ baseURL: "http://localhost/v1", apiKey: "none", fetch: server.fetch, maxRetries: 0 });
