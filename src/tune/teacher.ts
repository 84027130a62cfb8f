/** Models that others learn from: by their logits, or by the texts that they write. Trains nothing. */
import { fail, OwnlmError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { createOwner } from "../base/owner.ts";
import type { Example, PromptExample } from "../data/example.ts";
import { type ExampleOptions, readExamples } from "../data/examples.ts";
import { tokenizePrompt } from "../data/prompt-tokens.ts";
import { createBatcher } from "../generate/batcher.ts";
import { openChatTokenizer } from "../generate/chat.ts";
import { finish } from "../generate/continuations.ts";
import { openEngines } from "../generate/engine.ts";
import type { Generated } from "../generate/generate.ts";
import { readGenerationDefaults } from "../generate/generation-config.ts";
import { checkSameTokens } from "../generate/model-draft.ts";
import type { Host } from "../host/types.ts";
import { locateModel } from "../hub/locate.ts";
import type { Runtime } from "../runtime/types.ts";
import type { ChatTokenizer } from "../tokenizer/chat.ts";
import { type BaseModel, openBase } from "./base.ts";
import type { TuneEvent } from "./events.ts";
import type { LESSONS } from "./objectives/types.ts";

/** The file of a run's folder with the texts that its teacher wrote. */
export const TEACHER_TEXTS = "teacher.jsonl";

/** What this is done with. */
export interface TeacherWorld {
  readonly host: Host;
  readonly runtime: Runtime;
  readonly tell: (event: TuneEvent) => void;
  /** Lets the rest of the process have its turn; throws when the run is to stop. */
  readonly turn: () => Promise<void>;
  readonly showName: (name: string) => string;
}

/** Logits are learnt where both models number their tokens alike, else texts. */
export async function lessonsOf(
  { host }: Pick<TeacherWorld, "host">,
  name: string,
  student: ChatTokenizer,
): Promise<(typeof LESSONS)[number]> {
  const folder = await locateModel(host, name, "model");
  try {
    checkSameTokens(openChatTokenizer(host, folder), student, folder);
    return "logits";
  } catch (error) {
    if (error instanceof OwnlmError && error.code === "BAD_OPTION") return "text";
    throw error;
  }
}

/** Opens a teacher. */
export async function openTeacher({ host, tell }: TeacherWorld, name: string): Promise<BaseModel> {
  tell({ event: "stage", stage: "model", message: `opening ${name}` });
  const warn = (message: string) => tell({ event: "warning", message });
  return openBase(host, name, await locateModel(host, name, "model"), { warn });
}

/** Answers that are written at once. */
const TOGETHER = 16;

/** How a teacher writes. */
export interface WritingOptions {
  readonly teacher: string;
  /** Most tokens of an answer; longer ones are left out. */
  readonly answerTokens: number;
  /** 0 takes the most probable token each time. */
  readonly temperature: number;
  readonly seed: number;
  readonly threads: number;
  /** The date of templates that ask for it. */
  readonly now: Date;
}

/**
 * A teacher's answers to the prompts of data files (Kim and Rush 2016), as records of `prompt` and `completion`, or of
 * `messages` where the prompts are. Answers that did not end are left out. Throws BAD_DATA where nothing asks or no answer
 * ended, and what opening and reading do.
 */
export async function teacherTexts(
  world: TeacherWorld,
  paths: readonly string[],
  reading: ExampleOptions,
  options: WritingOptions,
): Promise<JsonObject[]> {
  const { host, runtime, tell, turn, showName } = world;
  const { teacher: name, answerTokens, temperature, seed, threads, now } = options;
  const prompts = (await readExamples(host, paths, reading)).examples.map(promptOf);
  using owner = createOwner();
  const base = owner.own(await openTeacher(world, name));
  const { model, tokenizer, place, groups, folder } = base;
  const { eosTokenIds } = readGenerationDefaults(host, folder, model.config, model.vocabSize, tokenizer);
  const maxLength = model.maxPositions - answerTokens;
  if (maxLength < 1)
    fail(
      "BAD_OPTION",
      `${showName("answerTokens")}: got ${answerTokens}, expected less than the ${model.maxPositions} positions of ${name}`,
    );
  const ids = prompts.map((prompt) => [...tokenizePrompt(prompt, tokenizer, { maxLength, now }).ids]);
  const capacity = ids.reduce((most, { length }) => Math.max(most, length), 0) + answerTokens;
  const engines = owner.own(await openEngines(runtime, model, { place, groups }, { capacity, session: { threads } }));
  const batcher = createBatcher(engines.openBatch!(Math.min(TOGETHER, ids.length)), tokenizer);
  tell({ event: "stage", stage: "data", message: `${name} answers ${prompts.length} prompts` });
  const records: JsonObject[] = [];
  try {
    for (let first = 0; first < prompts.length; first += TOGETHER) {
      const asked = ids.slice(first, first + TOGETHER).map((promptIds, i): Promise<Generated> => {
        const settings = { temperature, seed: seed + first + i, maxNewTokens: answerTokens, eosTokenIds };
        return finish(batcher.submit({ promptIds, settings }));
      });
      for (const [i, { text, finishReason }] of (await Promise.all(asked)).entries())
        if (finishReason === "stop" && text !== "") records.push(answered(prompts[first + i]!, text));
      await turn();
    }
  } finally {
    await batcher.close();
  }
  const left = prompts.length - records.length;
  const advice = `Try a larger ${showName("answerTokens")}`;
  if (records.length === 0)
    fail("BAD_DATA", `${name}: got no answer that ended within ${answerTokens} tokens to ${left} prompts. ${advice}`);
  if (left > 0)
    tell({ event: "warning", message: `${left} answers of ${name} that did not end are left out. ${advice}` });
  return records;
}

/** What an example asks, without the answer that it has. */
function promptOf(example: Example): PromptExample {
  switch (example.kind) {
    case "prompt":
      return example;
    case "text":
      return fail("BAD_DATA", `${example.at}: got a text, expected a prompt that the teacher can answer`);
    case "chat": {
      const { messages, ...rest } = example;
      const asked = messages.slice(0, messages.findLastIndex(({ role }) => role !== "assistant") + 1);
      if (asked.length === 0) fail("BAD_DATA", `${example.at}: messages: got no turn but the assistant's`);
      return { ...rest, kind: "prompt", prompt: asked, record: {} };
    }
    default: {
      const { prompt, at, tools, variables } = example;
      return { at, ...(tools && { tools }), ...(variables && { variables }), kind: "prompt", prompt, record: {} };
    }
  }
}

function answered({ prompt, tools }: PromptExample, text: string): JsonObject {
  if (typeof prompt === "string") return { prompt, completion: text };
  const messages = [...prompt, { role: "assistant", content: text }];
  return { messages, ...(tools && { tools }) } as unknown as JsonObject;
}
