/** Ollama's Modelfile for a GGUF file: where it is, how chats are written, and how the model wants to be sampled. Writes nothing. */
import type { CausalLm } from "../models/types.ts";
import type { ChatTokenizer } from "../tokenizer/chat.ts";
import { type ChatParts, chatParts } from "../tokenizer/chat-parts.ts";
import type { GenerationDefaults } from "./generation-config.ts";

/** What a Modelfile is made of. */
export interface ModelfileParts {
  /** Name of the GGUF file beside it. */
  readonly gguf: string;
  readonly model: Pick<CausalLm, "maxPositions">;
  readonly defaults: GenerationDefaults;
  readonly tokenizer: ChatTokenizer | undefined;
}

/** Tokens of context where the model has more: a cache for all of them would fill the memory. */
const MOST_CONTEXT = 8192;

/**
 * The text of a Modelfile. It has a TEMPLATE, in Go's language, where the model's own chat template is texts around what
 * each role says, and renders the same; else Ollama looks at the template inside of the GGUF file.
 */
export function modelfileOf({ gguf, model, defaults, tokenizer }: ModelfileParts): string {
  const template = tokenizer && templateOf(tokenizer);
  return [
    `FROM ./${gguf}`,
    ...(template === undefined ? [] : [`TEMPLATE """${template}"""`]),
    `PARAMETER num_ctx ${Math.min(model.maxPositions, MOST_CONTEXT)}`,
    ...parameters(defaults),
    ...stops(defaults, tokenizer).map((stop) => `PARAMETER stop ${JSON.stringify(stop)}`),
    "",
  ].join("\n");
}

function templateOf(tokenizer: ChatTokenizer): string | undefined {
  const source = tokenizer.chatTemplates.get("default");
  // A date would stay the day of the export.
  if (source === undefined || source.includes("strftime_now")) return undefined;
  const spelled = (id: number | undefined) => (id === undefined ? "" : tokenizer.tokenOf(id));
  const render = (messages: Parameters<ChatTokenizer["applyChatTemplate"]>[0], addGenerationPrompt: boolean) =>
    tokenizer.applyChatTemplate(messages, { tokenize: false, addGenerationPrompt });
  const parts = chatParts(render, spelled(tokenizer.bosId), spelled(tokenizer.eosId));
  return parts && goTemplate(parts);
}

/** Parts as a template of Go over Ollama's `.System` and `.Messages`; undefined for parts that its files cannot hold. */
export function goTemplate({ preamble, user, assistant, system, generation }: ChatParts): string | undefined {
  const parts = [preamble, ...user, ...assistant, ...(Array.isArray(system) ? system : []), generation];
  const inUser = system && "inUser" in system ? system.inUser : "";
  if ([...parts, inUser].some((part) => part.includes("{{") || part.includes('"""'))) return undefined;
  const branch = (role: string, [before, after]: readonly [string, string], first = "") =>
    `if eq .Role "${role}" }}${before}${first}{{ .Content }}${after}`;
  const begun = inUser === "" ? "" : `{{ if and $.System (le $i 1) }}{{ $.System }}${inUser}{{ end }}`;
  const branches = [
    ...(Array.isArray(system) ? [branch("system", system as [string, string])] : []),
    branch("user", user, begun),
    branch("assistant", assistant),
  ];
  const opening = preamble === "" ? "" : `{{ if not .System }}${preamble}{{ end }}`;
  return `${opening}{{ range $i, $_ := .Messages }}{{ ${branches.join("{{ else ")}{{ end }}{{ end }}${generation}`;
}

/** Numbers of generation_config.json by Ollama's names. */
function parameters({ doSample, options }: GenerationDefaults): string[] {
  const temperature = doSample === false ? 0 : options.temperature;
  const named = [
    ["temperature", temperature],
    ["top_k", options.topK],
    ["top_p", options.topP],
    ["min_p", options.minP],
    ["repeat_penalty", options.repetitionPenalty],
  ] as const;
  return named.flatMap(([name, value]) => (value === undefined ? [] : [`PARAMETER ${name} ${value}`]));
}

/** What ends a turn: the tokens that end texts, as they are written, and the files' own texts. */
function stops({ eosTokenIds, options }: GenerationDefaults, tokenizer: ChatTokenizer | undefined): string[] {
  const ends = tokenizer ? eosTokenIds.filter((id) => id < tokenizer.vocabSize).map((id) => tokenizer.tokenOf(id)) : [];
  return [...new Set([...ends, ...(options.stop ?? [])])];
}
