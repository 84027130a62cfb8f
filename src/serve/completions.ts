/** `/v1/completions`: texts or token ids and how they go on. Knows the wire's shape, and no model. */
import { fail } from "../base/errors.ts";
import { type JsonObject, showJson } from "../base/json.ts";
import type { OptionSpecs } from "../base/options.ts";
import type { Ending, GenerateAsk, Prompt } from "./backend.ts";
import { readFields } from "./body.ts";
import { copiesOf } from "./chat.ts";
import { type Context, newId, nowSeconds } from "./context.ts";
import { faultOf } from "./faults.ts";
import {
  generateOptions,
  IGNORED_FIELDS,
  readIncludeUsage,
  readResponseFormat,
  readStop,
  SAMPLING_FIELDS,
  SHARED_FIELDS,
} from "./sampling.ts";
import { eventStream } from "./sse.ts";
import { beginWork, usageOf, type Work, wholeOf } from "./work.ts";

const FIELDS = {
  options: {
    ...SAMPLING_FIELDS,
    echo: { kind: "flag", help: "Begin with the prompt" },
  } as const satisfies OptionSpecs,
  others: [...SHARED_FIELDS, "prompt"],
  ignored: IGNORED_FIELDS,
};

/** Tokens where nobody says how many, as with OpenAI. */
const MAX_TOKENS = 16;

const MOST_CHOICES = 1024;

/** Continues prompts. Throws what the body has against it. */
export async function completions(body: JsonObject, context: Context): Promise<Response> {
  const { name, backend } = context.model(body.model);
  const fields = readFields(body, FIELDS);
  const prompts = readPrompts(body);
  const { n, echo } = fields;
  if (prompts.length * n > MOST_CHOICES)
    fail("BAD_OPTION", `n: got ${n} of each of ${prompts.length} prompts, expected at most ${MOST_CHOICES} in all`);
  const includeUsage = readIncludeUsage(body, fields.stream);
  const given = { ...fields, max_tokens: fields.max_tokens ?? MAX_TOKENS };
  const shared = {
    options: generateOptions(given, readStop(body)),
    responseFormat: readResponseFormat(body),
    echo,
    client: context.client,
  };
  const asks = prompts.flatMap((prompt): GenerateAsk[] => copiesOf({ ...shared, prompt }, n));
  const work = await beginWork(backend, asks, context.signal);
  const head = { id: newId("cmpl"), object: "text_completion", created: nowSeconds(), model: name };
  if (fields.stream) return eventStream(chunks(head, work, n, includeUsage, context), work.stop);
  const wholes = await wholeOf(work);
  return Response.json({
    ...head,
    choices: wholes.map(({ text, finishReason }, index) => {
      const promptText = work.generations[index]!.promptText ?? "";
      return { text: promptText + text, index, logprobs: null, finish_reason: finishReason };
    }),
    usage: usageOf(work, wholes, n),
  });
}

async function* chunks(
  head: object,
  work: Work,
  copies: number,
  includeUsage: boolean,
  context: Context,
): AsyncGenerator<string> {
  const chunk = (index: number, text: string, finish: string | null = null) =>
    JSON.stringify({
      ...head,
      choices: [{ text, index, logprobs: null, finish_reason: finish }],
      ...(includeUsage && { usage: null }),
    });
  const endings: Ending[] = [];
  try {
    for (const [index, { promptText }] of work.generations.entries()) if (promptText) yield chunk(index, promptText);
    for await (const event of work.events) {
      if ("ending" in event) {
        endings[event.index] = event.ending;
        yield chunk(event.index, "", event.ending.finishReason);
      } else if (event.value.text !== "") yield chunk(event.index, event.value.text);
    }
    if (includeUsage) yield JSON.stringify({ ...head, choices: [], usage: usageOf(work, endings, copies) });
    yield "[DONE]";
  } catch (error) {
    context.onFault(error);
    yield JSON.stringify(faultOf(error).body);
  } finally {
    work.stop();
  }
}

/** `prompt`: a text, texts, ids, or lists of ids. Throws BAD_OPTION. */
export function readPrompts({ prompt }: JsonObject): Prompt[] {
  if (typeof prompt === "string") return [{ text: prompt }];
  if (!Array.isArray(prompt) || prompt.length === 0)
    return fail("BAD_OPTION", `prompt: got ${showJson(prompt)}, expected a text, token ids, or a list of them`);
  if (typeof prompt[0] === "number") return [{ ids: readIds(prompt, "prompt") }];
  return prompt.map((each: unknown, i): Prompt => {
    if (typeof each === "string") return { text: each };
    return { ids: readIds(each, `prompt[${i}]`) };
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
