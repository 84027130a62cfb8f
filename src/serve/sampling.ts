/** The fields that say how a text is made, in OpenAI's names and ranges; declared once. Computes nothing. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject, showJson } from "../base/json.ts";
import type { Bias, GivenOptions, OptionSpecs, OptionValues } from "../base/options.ts";
import { GENERATE_OPTIONS } from "../generate/options.ts";
import type { ResponseFormat } from "../generate/structured.ts";

/** What chats and completions have in common. Ranges are OpenAI's where it has the field. */
export const SAMPLING_FIELDS = {
  max_tokens: GENERATE_OPTIONS.maxNewTokens,
  temperature: { ...GENERATE_OPTIONS.temperature, max: 2 },
  top_p: GENERATE_OPTIONS.topP,
  top_k: GENERATE_OPTIONS.topK,
  min_p: GENERATE_OPTIONS.minP,
  repetition_penalty: GENERATE_OPTIONS.repetitionPenalty,
  presence_penalty: { ...GENERATE_OPTIONS.presencePenalty, min: -2, max: 2 },
  frequency_penalty: { ...GENERATE_OPTIONS.frequencyPenalty, min: -2, max: 2 },
  seed: GENERATE_OPTIONS.seed,
  n: { kind: "int", min: 1, max: 128, default: 1, help: "Continuations of each prompt" },
  ignore_eos: { kind: "flag", help: "Go on where the model would end" },
  stream: { kind: "flag", help: "Send the text as it is made" },
} as const satisfies OptionSpecs;

/** Beyond any context. */
const MOST = GENERATE_OPTIONS.minNewTokens.max;

/** Fields that are read by hand. */
export const SHARED_FIELDS = [
  "model",
  "stop",
  "stop_token_ids",
  "logit_bias",
  "stream_options",
  "response_format",
] as const;

/** Fields that tell OpenAI's own service something, and mean nothing here. */
export const IGNORED_FIELDS = [
  "user",
  "metadata",
  "store",
  "service_tier",
  "safety_identifier",
  "prompt_cache_key",
  "prompt_cache_retention",
  "verbosity",
  "prediction",
  "web_search_options",
] as const;

type Sampling = OptionValues<typeof SAMPLING_FIELDS>;

/** The options of the engine that a body's fields ask for. Throws BAD_OPTION for those that are read by hand. */
export function generateOptions(fields: Sampling, body: JsonObject): GivenOptions<typeof GENERATE_OPTIONS> {
  return {
    maxNewTokens: fields.max_tokens,
    temperature: fields.temperature,
    topP: fields.top_p,
    topK: fields.top_k,
    minP: fields.min_p,
    repetitionPenalty: fields.repetition_penalty,
    presencePenalty: fields.presence_penalty,
    frequencyPenalty: fields.frequency_penalty,
    seed: fields.seed,
    minNewTokens: fields.ignore_eos ? MOST : undefined,
    stop: readStop(body),
    stopTokenIds: body.stop_token_ids == null ? undefined : readIds(body.stop_token_ids, "stop_token_ids"),
    logitBias: readLogitBias(body),
  };
}

/** OpenAI's range. */
const MOST_BIAS = 100;

/** `logit_bias`: numbers by token id. Throws BAD_OPTION. */
function readLogitBias({ logit_bias: given = null }: JsonObject): readonly Bias[] | undefined {
  if (given === null) return undefined;
  if (!isJsonObject(given)) fail("BAD_OPTION", `logit_bias: got ${showJson(given)}, expected numbers by token id`);
  return Object.entries(given as JsonObject).map(([id, bias]): Bias => {
    if (!/^\d{1,9}$/.test(id)) fail("BAD_OPTION", `logit_bias: got the key ${showJson(id)}, expected a token id`);
    if (typeof bias !== "number" || !(Math.abs(bias) <= MOST_BIAS))
      fail(
        "BAD_OPTION",
        `logit_bias.${id}: got ${showJson(bias)}, expected a number from -${MOST_BIAS} to ${MOST_BIAS}`,
      );
    return [Number(id), bias as number];
  });
}

/** Token ids, one at least; that the model has them is checked by the engine. Throws BAD_OPTION. */
export function readIds(value: unknown, where: string): number[] {
  if (!Array.isArray(value) || value.length === 0)
    return fail("BAD_OPTION", `${where}: got ${showJson(value)}, expected token ids`);
  for (const [i, id] of value.entries())
    if (!(Number.isSafeInteger(id) && id >= 0))
      fail("BAD_OPTION", `${where}[${i}]: got ${showJson(id)}, expected a token id`);
  return value as number[];
}

/** OpenAI takes four; more do no harm, and there has to be an end. */
const MOST_STOPS = 64;

/** `stop`: a text, or a list of them. Throws BAD_OPTION. */
function readStop({ stop = null }: JsonObject): readonly string[] {
  if (stop === null) return [];
  const list: unknown[] = Array.isArray(stop) ? stop : [stop];
  if (list.length > MOST_STOPS) fail("BAD_OPTION", `stop: got ${list.length} texts, expected at most ${MOST_STOPS}`);
  for (const [i, text] of list.entries())
    if (typeof text !== "string" || text === "")
      fail("BAD_OPTION", `stop${Array.isArray(stop) ? `[${i}]` : ""}: got ${showJson(text)}, expected a text`);
  return list as string[];
}

/** Whether a stream closes with a chunk of its own about tokens. Throws BAD_OPTION. */
export function readIncludeUsage({ stream_options: given = null }: JsonObject, stream: boolean): boolean {
  if (given === null) return false;
  if (!isJsonObject(given)) fail("BAD_OPTION", `stream_options: got ${showJson(given)}, expected an object`);
  if (!stream) fail("BAD_OPTION", "stream_options: got it without stream, which it is about");
  for (const [name, value] of Object.entries(given as JsonObject))
    if (!["include_usage", "include_obfuscation"].includes(name) || typeof (value ?? false) !== "boolean")
      fail(
        "BAD_OPTION",
        `stream_options: got ${showJson({ [name]: value })}, expected {"include_usage": true or false}`,
      );
  return (given as JsonObject).include_usage === true;
}

/** `response_format`; whether its schema can be honoured is found by the engine. Throws BAD_OPTION. */
export function readResponseFormat({ response_format: given = null }: JsonObject): ResponseFormat | undefined {
  if (given === null) return undefined;
  const bad = (where: string, got: unknown, expected: string) =>
    fail("BAD_OPTION", `response_format${where}: got ${showJson(got)}, expected ${expected}`);
  if (!isJsonObject(given)) return bad("", given, 'an object with a "type"');
  const { type, json_schema: inner } = given;
  if (type === "text" || type === "json_object") return { type };
  if (type !== "json_schema") return bad(".type", type, '"text", "json_object" or "json_schema"');
  if (!isJsonObject(inner)) return bad(".json_schema", inner, 'an object with a "schema"');
  if (typeof inner.name !== "string") return bad(".json_schema.name", inner.name, "a text");
  return { type, json_schema: { name: inner.name, schema: inner.schema } };
}
