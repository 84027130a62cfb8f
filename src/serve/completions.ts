/** `/v1/completions`: texts or token ids and how they go on. Knows the wire's shape, and no model. */
import { fail } from "../base/errors.ts";
import { type JsonObject, showJson } from "../base/json.ts";
import type { OptionSpecs } from "../base/options.ts";
import type { Ending, GenerateAsk, Prompt, TokenInfo } from "./backend.ts";
import { readFields } from "./body.ts";
import { copiesOf } from "./chat.ts";
import { type Context, newId, nowSeconds } from "./context.ts";
import { faultOf } from "./faults.ts";
import { completionLogprobs } from "./logprobs.ts";
import {
  generateOptions,
  IGNORED_FIELDS,
  readIds,
  readIncludeUsage,
  readResponseFormat,
  SAMPLING_FIELDS,
  SHARED_FIELDS,
} from "./sampling.ts";
import { eventStream } from "./sse.ts";
import { beginWork, usageOf, type Work, wholeOf } from "./work.ts";

const FIELDS = {
  options: {
    ...SAMPLING_FIELDS,
    max_tokens: { ...SAMPLING_FIELDS.max_tokens, min: 0 },
    echo: { kind: "flag", help: "Begin with the prompt" },
    logprobs: { kind: "int", min: 0, max: 100, help: "Give log P of each token, and of so many others in its place" },
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
    options: {
      ...generateOptions(given, body),
      logprobs: fields.logprobs,
      promptLogprobs: echo ? fields.logprobs : undefined,
    },
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
    choices: wholes.map(({ text, tokens, promptTokens, finishReason }, index) => {
      const { promptText = "", firstText } = work.generations[index]!;
      const all = [...(firstText === undefined ? [] : [firstText]), ...promptTokens, ...tokens];
      const logprobs = fields.logprobs === undefined ? null : completionLogprobs(all, 0);
      return { text: promptText + text, index, logprobs, finish_reason: finishReason };
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
  const offsets = work.generations.map(() => 0);
  const chunk = (index: number, text: string, finish: string | null, tokens?: readonly (TokenInfo | string)[]) => {
    const logprobs = tokens ? completionLogprobs(tokens, offsets[index]!) : null;
    offsets[index]! += text.length;
    return JSON.stringify({
      ...head,
      choices: [{ text, index, logprobs, finish_reason: finish }],
      ...(includeUsage && { usage: null }),
    });
  };
  const endings: Ending[] = [];
  const isEchoed = work.generations.map(() => false);
  try {
    for await (const event of work.events) {
      if ("ending" in event) {
        endings[event.index] = event.ending;
        const { promptText = "" } = work.generations[event.index]!;
        yield chunk(event.index, isEchoed[event.index] ? "" : promptText, event.ending.finishReason);
        continue;
      }
      const { text, tokens, promptTokens } = event.value;
      const { promptText = "", firstText = "" } = work.generations[event.index]!;
      const isFirst = !isEchoed[event.index] && promptText !== "";
      isEchoed[event.index] = true;
      const echoed = isFirst ? [firstText, ...(promptTokens ?? [])] : [];
      const shown = (isFirst ? promptText : "") + text;
      const infos = tokens || promptTokens ? [...echoed, ...(tokens ?? [])] : undefined;
      if (shown !== "" || infos) yield chunk(event.index, shown, null, infos);
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

/** `prompt`: a text, texts, ids, or lists of ids; `where` is how messages call it. Throws BAD_OPTION. */
export function readPrompts({ prompt }: JsonObject, where = "prompt"): Prompt[] {
  if (typeof prompt === "string") return [{ text: prompt }];
  if (!Array.isArray(prompt) || prompt.length === 0)
    return fail("BAD_OPTION", `${where}: got ${showJson(prompt)}, expected a text, token ids, or a list of them`);
  if (typeof prompt[0] === "number") return [{ ids: readIds(prompt, where) }];
  return prompt.map((each: unknown, i): Prompt => {
    if (typeof each === "string") return { text: each };
    return { ids: readIds(each, `${where}[${i}]`) };
  });
}
