/** The verb `chat`: talks with a model in the terminal, or answers what comes through a pipe. */
import { fail, messageOf, OwnlmError } from "../base/errors.ts";
import type { GivenOptions, OptionSpecs } from "../base/options.ts";
import { GENERATE_OPTIONS, MODEL_OPTIONS } from "../generate/options.ts";
import { openLocal } from "../serve/open.ts";
import { type Answered, type Conversation, checkChats, createConversation } from "./conversation.ts";
import { markdownPainter } from "./markdown.ts";
import { locateForVerb, noModel } from "./model-operand.ts";
import type { Prompter } from "./prompter.ts";
import { palette, wantsColor } from "./terminal.ts";
import { safeText, visibleText } from "./text.ts";
import { type Io, verb } from "./verb.ts";

const { maxNewTokens, temperature, topK, topP, minP, repetitionPenalty, seed, stop } = GENERATE_OPTIONS;

const OPTIONS = {
  system: { kind: "text", short: "s", placeholder: "TEXT", help: "What the model is told before all" },
  maxNewTokens: { ...maxNewTokens, auto: "what the context leaves" },
  temperature,
  topK,
  topP,
  minP,
  repetitionPenalty,
  seed,
  stop,
  ...MODEL_OPTIONS,
} as const satisfies OptionSpecs;

const HELP = [
  "/clear          begin anew (/clear TEXT: with this as the system's word)",
  "/retry          another answer to the last question",
  "/undo           take the last question back",
  "/save FILE      write the chat as JSON, which ownlm tune reads",
  "/exit, Ctrl-D   end",
  '"""             begin and end a text of several lines; \\ at a line\'s end goes on, too',
  "Ctrl-C          stop the answer",
];

export const CHAT = verb({
  name: "chat",
  summary: "Talk with a model",
  operands: '[model] ["question"]',
  arity: [0, 2],
  options: OPTIONS,
  examples: [
    ["ownlm chat mymodel", "a conversation; /help tells what else can be typed"],
    ['ownlm chat mymodel "What is a lighthouse?"', "one answer, and back to the shell"],
    ['ownlm chat mymodel --system "Answer in rhymes." --temperature 0.7', "with a word before all"],
    ["cat questions.txt | ownlm chat mymodel --json", "an answer to each line, for a program"],
  ],
  async run(io, { operands, given }) {
    const [model, question] = operands as [string?, string?];
    if (model === undefined) return noModel("chat");
    const { context, threads, quantize, cacheType, adapter, system, ...options } = given as GivenOptions<
      typeof OPTIONS
    >;
    const path = await locateForVerb(io, model);
    const backend = await openLocal(io.host, {
      path,
      model: { context, threads, quantize, cacheType, adapter },
      slots: 1,
      queue: 1,
    });
    try {
      await checkChats(backend, model);
      const onForget = (turns: number) => io.warn(`(the context is full: the oldest ${turns} turns are forgotten)`);
      const chat = createConversation(backend, { system, options, onForget });
      if (question !== undefined) await answer(io, chat, question, io.signal);
      else await converse(io, chat, model);
    } finally {
      await backend.dispose();
    }
  },
});

async function converse(io: Io, chat: Conversation, model: string): Promise<void> {
  const isShown = io.stdinIsTerminal && io.stdout.isTTY === true && !io.machine;
  const prompter = io.openPrompter();
  let answering: AbortController | undefined;
  let isWarned = false;
  prompter.onInterrupt(() => {
    if (answering) return answering.abort();
    if (isWarned) return prompter.close();
    isWarned = true;
    io.print("\n(Ctrl-C stops an answer. Ctrl-D, /exit or Ctrl-C again ends.)");
  });
  io.signal.addEventListener("abort", () => prompter.close(), { once: true });
  if (isShown) io.print(`${visibleText(model)}: /help tells what can be typed, Ctrl-D ends.`);
  try {
    for (;;) {
      const typed = await readMessage(prompter, isShown ? "> " : "");
      if (typed === undefined || io.signal.aborted) break;
      isWarned = false;
      const text = await commanded(io, chat, typed, isShown);
      if (text === "exit") break;
      if (text === undefined) continue;
      answering = new AbortController();
      const signal = AbortSignal.any([answering.signal, io.signal]);
      try {
        await answer(io, chat, text.question, signal);
      } catch (error) {
        if (!isShown || !(error instanceof OwnlmError) || error.code === "BUG") throw error;
        io.warn(visibleText(messageOf(error)));
      }
      answering = undefined;
    }
  } finally {
    prompter.close();
  }
  if (io.signal.aborted) fail("ABORTED", "stopped on request");
}

/** A message of one line, or of several. Undefined at the end of input. */
async function readMessage(prompter: Prompter, prompt: string): Promise<string | undefined> {
  const first = await prompter.ask(prompt);
  if (first === undefined) return undefined;
  const more = prompt && "… ";
  const lines = [first];
  if (first.startsWith('"""')) {
    lines[0] = first.slice(3);
    while (!lines.at(-1)!.trimEnd().endsWith('"""')) {
      const line = await prompter.ask(more);
      if (line === undefined) return lines.join("\n");
      lines.push(line);
    }
    return lines.join("\n").trimEnd().slice(0, -3).replace(/^\n/, "");
  }
  while (lines.at(-1)!.endsWith("\\")) {
    const line = await prompter.ask(more);
    lines[lines.length - 1] = lines.at(-1)!.slice(0, -1);
    if (line === undefined) break;
    lines.push(line);
  }
  return lines.join("\n");
}

/** Does what a command says; gives the question where there is one. */
async function commanded(
  io: Io,
  chat: Conversation,
  typed: string,
  isShown: boolean,
): Promise<{ readonly question: string } | "exit" | undefined> {
  if (typed.trim() === "") return undefined;
  // In a pipe every line is a question.
  const found = isShown ? /^\/(\w+)\s*([\s\S]*)$/.exec(typed) : null;
  if (!found) return { question: typed };
  const [, name, rest] = found as unknown as [string, string, string];
  switch (name) {
    case "exit":
    case "quit":
    case "bye":
      return "exit";
    case "clear":
      chat.clear(rest || undefined);
      io.print("(begun anew)");
      return undefined;
    case "retry":
    case "undo": {
      const question = chat.takeBack();
      if (question === undefined) io.print("(nothing was asked yet)");
      else if (name === "retry") return { question };
      else io.print("(taken back)");
      return undefined;
    }
    case "save":
      save(io, chat, rest);
      return undefined;
    case "help":
      for (const line of HELP) io.print(line);
      return undefined;
    default:
      io.print(`/${visibleText(name)}: there is no such command. /help tells which there are.`);
      return undefined;
  }
}

function save({ host, print, warn }: Io, chat: Conversation, file: string): void {
  if (file === "") {
    print("/save: expected the name of a file");
    return;
  }
  const line = `${JSON.stringify({ messages: chat.turns })}\n`;
  try {
    if (host.createExclusive(file, line)) print(`(saved to ${visibleText(file)})`);
    else print(`${visibleText(file)}: exists already. Try another name.`);
  } catch (error) {
    warn(visibleText(messageOf(error)));
  }
}

/** Asks, and shows what comes. */
async function answer(io: Io, chat: Conversation, question: string, signal: AbortSignal): Promise<void> {
  const isTerminal = io.stdout.isTTY === true && !io.machine;
  const paint = palette(wantsColor(io.stdout, io.env));
  const painter = markdownPainter(paint);
  const write = (text: string) => {
    if (text !== "" && !io.machine) io.stdout.write(text);
  };
  const show = (piece: string) => write(isTerminal ? painter.push(safeText(piece)) : piece);
  let made: Answered | undefined;
  try {
    made = await chat.ask(question, signal, show);
  } finally {
    if (made || isTerminal) write(`${isTerminal ? painter.end() : ""}\n`);
  }
  if (io.machine) io.json(resultOf(made));
  else if (isTerminal && made.finishReason !== "stop")
    io.print(paint.dim(made.finishReason === "abort" ? "(stopped)" : "(cut at the most tokens)"));
}

function resultOf({ text, finishReason, promptTokens, completionTokens, cachedTokens }: Answered) {
  return { role: "assistant", content: text, finishReason, usage: { promptTokens, completionTokens, cachedTokens } };
}
