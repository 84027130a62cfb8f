/** The verb `generate`: continues a prompt, a token at a time. */
import { fail, OwnlmError } from "../base/errors.ts";
import { flagName, type GivenOptions, type OptionSpecs } from "../base/options.ts";
import { createOwner } from "../base/owner.ts";
import { withChosen } from "../generate/adapted-model.ts";
import type { GeneratedToken } from "../generate/generate.ts";
import { BATCH_OPTIONS, GENERATE_FILES, GENERATE_OPTIONS, MODEL_OPTIONS } from "../generate/options.ts";
import { VERB_TEMPERATURE } from "../generate/resolve.ts";
import { type Continuation, generationResult, promptIdsOf, streamAfter } from "../generate/text.ts";
import { modelAndText, openForVerb } from "./model-operand.ts";
import { readPrompts, writeEach } from "./prompts.ts";
import { palette, wantsColor } from "./terminal.ts";
import { safeText } from "./text.ts";
import { type Io, verb } from "./verb.ts";

const PROMPTS_OPTIONS = {
  prompts: {
    kind: "text",
    placeholder: "FILE",
    help: 'Continue each line of a file, or "prompt" of each of its JSON lines, and write JSON lines',
  },
  ...BATCH_OPTIONS,
} as const satisfies OptionSpecs;

const OPTIONS = { ...GENERATE_OPTIONS, ...PROMPTS_OPTIONS, ...GENERATE_FILES, ...MODEL_OPTIONS };

type Given = GivenOptions<typeof OPTIONS>;

export const GENERATE = verb({
  name: "generate",
  summary: "Continue a prompt",
  operands: '[model] "prompt"',
  arity: [1, 2],
  options: OPTIONS,
  examples: [
    ['ownlm generate mymodel "Once upon a time"', "writes as it goes; Ctrl-C stops it"],
    ['ownlm generate mymodel "The" -n 20 --temperature 0 --json', "the most probable tokens, for a program"],
    [
      'ownlm generate mymodel "$(cat notes.txt) In short:" --cache notes.kv',
      "a second question about the notes reads them no more",
    ],
    ['ownlm generate mymodel "A person:" --json-schema person.json', "JSON that the schema allows"],
    ['ownlm generate mymodel "The" --num-return-sequences 3 --json', "three that are drawn with one seed"],
    ['ownlm generate mymodel "The" --num-beams 4 --num-return-sequences 2', "the two best of a beam search"],
    ["ownlm generate mymodel --prompts prompts.txt --batch 8 > made.jsonl", "a file of prompts, eight at once"],
    ["cat start.txt | ownlm generate mymodel - --seed 7", "the prompt from standard input; equal seeds, equal text"],
  ],
  async run(io, { operands, given, options: { batch } }) {
    const { prompts, batch: _, ...asked } = given as Given;
    if (prompts !== undefined) return runPrompts(io, operands, asked, prompts, batch);
    for (const name of ["logprobs", "promptLogprobs"] as const)
      if (asked[name] !== undefined && !io.machine)
        fail("USAGE", `${flagName(name)}: is written with --json or --prompts only`);
    const read = { verb: "generate", what: "prompt", trimmed: true };
    const { model, text: prompt } = await modelAndText(io, operands, read);
    const { context, threads, quantize, cacheType, adapter, cache, draftModel, ...rest } = asked;
    const options = withForms(io, rest);
    using opened = await openForVerb(io, model, { context, threads, quantize, cacheType, adapter });
    using files = createOwner();
    const draft = draftModel === undefined ? undefined : files.own(await openForVerb(io, draftModel, { threads }));
    const chosen = withChosen(opened, options.adapterName);
    if (cache !== undefined && io.host.kindOf(cache) !== undefined) chosen.loadCache(cache);
    const promptIds = promptIdsOf(opened, prompt);
    const stream = streamAfter(opened, promptIds, { ...options, draft, signal: io.signal }, VERB_TEMPERATURE, batch);
    if (io.machine) io.json(await collected(promptIds, stream));
    else await shown(io, prompt, stream);
    if (cache !== undefined) chosen.saveCache(cache);
  },
});

async function runPrompts(
  io: Io,
  operands: readonly string[],
  { context, threads, quantize, cacheType, adapter, cache, draftModel, ...rest }: Given,
  file: string,
  batch: number,
): Promise<void> {
  const [model, extra] = operands as [string, string?];
  if (extra !== undefined) fail("USAGE", `generate: got a prompt and --prompts ${file}, expected one of them`);
  if (cache !== undefined) fail("USAGE", `generate: got --cache ${cache} and --prompts ${file}, expected one of them`);
  const prompts = await readPrompts(io, file);
  const options = withForms(io, rest);
  using opened = await openForVerb(io, model, { context, threads, quantize, cacheType, adapter });
  using files = createOwner();
  const draft = draftModel === undefined ? undefined : files.own(await openForVerb(io, draftModel, { threads }));
  await writeEach(io, opened, prompts, { ...options, draft, signal: io.signal }, batch);
}

/** Options with the texts of files in place of their names; a schema may be given itself. */
function withForms(io: Io, options: Given): Given {
  const { jsonSchema, grammar } = options;
  const isJson = jsonSchema !== undefined && /^\s*([{]|true$|false$)/.test(jsonSchema);
  return {
    ...options,
    ...(jsonSchema !== undefined && { jsonSchema: isJson ? jsonSchema : fileText(io, jsonSchema, "--json-schema") }),
    ...(grammar !== undefined && { grammar: fileText(io, grammar, "--grammar") }),
  };
}

/** The largest file of a form that is read. */
const MOST_FORM_BYTES = 2 ** 23;

function fileText({ host }: Io, file: string, flag: string): string {
  if (host.kindOf(file) !== "file") fail("NOT_FOUND", `${flag}: there is no file ${file}`);
  const size = host.fileSize(file);
  if (size > MOST_FORM_BYTES) fail("BAD_GRAMMAR", `${file}: got ${size} bytes, expected at most ${MOST_FORM_BYTES}`);
  return host.readText(file);
}

type Stream = AsyncGenerator<GeneratedToken, Continuation>;

/** The whole result; what Ctrl-C cut short has `finishReason` "abort". */
async function collected(promptIds: readonly number[], stream: Stream): Promise<object> {
  const ids: number[] = [];
  let text = "";
  try {
    for (;;) {
      const { value, done } = await stream.next();
      if (done) return generationResult(promptIds, value);
      if (value.id !== undefined) ids.push(value.id);
      text += value.text;
    }
  } catch (error) {
    if (!isAbort(error)) throw error;
    return { ...generationResult(promptIds, { ids, text, finishReason: "length" }), finishReason: "abort" };
  }
}

/** Writes pieces as they come: on a terminal after the prompt, and with nothing in them that could command it. */
async function shown(io: Io, prompt: string, stream: Stream): Promise<void> {
  const onTerminal = io.stdout.isTTY === true;
  let last: string | undefined;
  const write = (text: string) => {
    if (onTerminal && last === undefined) io.stdout.write(promptText(io, prompt));
    const piece = onTerminal ? safeText(text) : text;
    if (piece !== "") io.stdout.write(piece);
    last = piece || (last ?? "");
  };
  try {
    for (;;) {
      const { value, done } = await stream.next();
      if (!done) {
        write(value.text);
        continue;
      }
      write("");
      for (const { text } of value.sequences?.slice(1) ?? []) write(`${SEPARATOR}${text}`);
      return;
    }
  } finally {
    if (last !== undefined && !last.endsWith("\n")) io.stdout.write("\n");
  }
}

/** Stands between continuations where there are several. */
const SEPARATOR = "\n\n---\n\n";

const promptText = (io: Io, prompt: string) => palette(wantsColor(io.stdout, io.env)).bold(safeText(prompt));

const isAbort = (error: unknown) => error instanceof OwnlmError && error.code === "ABORTED";
