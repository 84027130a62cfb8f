/** `/v1/embeddings`: texts as vectors. Knows the wire's shape, and no model. */
import { fail } from "../base/errors.ts";
import { type JsonObject, showJson } from "../base/json.ts";
import type { OptionSpecs } from "../base/options.ts";
import type { Prompt } from "./backend.ts";
import { readFields } from "./body.ts";
import { readPrompts } from "./completions.ts";
import type { Context } from "./context.ts";

const FIELDS = {
  options: {
    encoding_format: {
      kind: "choice",
      choices: ["float", "base64"],
      default: "float",
      help: "Numbers, or their bytes",
    },
    dimensions: { kind: "int", min: 1, max: 2 ** 20, help: "Elements of a vector" },
  } as const satisfies OptionSpecs,
  others: ["model", "input"],
  ignored: ["user"],
};

/** OpenAI's own bound. */
const MOST_INPUTS = 2048;

/** Answers with a vector of each input. Throws what the body has against it. */
export async function embeddings(body: JsonObject, context: Context): Promise<Response> {
  const { name, backend } = context.model(body.model);
  const { encoding_format, dimensions } = readFields(body, FIELDS);
  const prompts: Prompt[] = readPrompts({ prompt: body.input }, "input");
  if (prompts.length > MOST_INPUTS)
    fail("BAD_OPTION", `input: got ${prompts.length} texts, expected at most ${MOST_INPUTS}`);
  const { hiddenSize } = await backend.facts();
  // Only models that were trained for it can do with a vector's beginning.
  if (dimensions !== undefined && dimensions !== hiddenSize)
    fail("UNSUPPORTED", `dimensions: got ${showJson(dimensions)}, and this model's vectors have ${hiddenSize}`);
  const { vectors, tokens } = await backend.embed(prompts);
  const shown = (vector: Float32Array) => (encoding_format === "base64" ? base64Of(vector) : Array.from(vector));
  return Response.json({
    object: "list",
    model: name,
    data: vectors.map((vector, index) => ({ object: "embedding", index, embedding: shown(vector) })),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  });
}

/** The bytes of 32-bit floats, the low ones first on every machine. */
function base64Of(vector: Float32Array): string {
  const bytes = new Uint8Array(4 * vector.length);
  const view = new DataView(bytes.buffer);
  for (const [i, x] of vector.entries()) view.setFloat32(4 * i, x, true);
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
