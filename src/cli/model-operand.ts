/** Finds the model and the text among a verb's operands, and opens the model. Knows no verb. */
import { fail } from "../base/errors.ts";
import { shellPath } from "../base/format.ts";
import type { GivenOptions } from "../base/options.ts";
import { type OpenModel, openModel, openRuntimeFor } from "../generate/load.ts";
import type { MODEL_OPTIONS } from "../generate/options.ts";
import { locateModel } from "../hub/locate.ts";
import type { ModelPart } from "../hub/selection.ts";
import { visibleText } from "./text.ts";
import { transferView } from "./transfer-view.ts";
import type { Io } from "./verb.ts";

/** What stands in front of the text: a folder, or where a verb allows it a file. */
export interface ModelAndText {
  readonly model: string;
  readonly text: string;
}

/** How a verb reads its text. */
export interface TextOperand {
  readonly verb: string;
  /** "prompt" or "text", for messages. */
  readonly what: string;
  /** Take one line end off what comes from standard input, as `echo` adds one. */
  readonly trimmed?: boolean;
}

/**
 * The model and the text of `[model] "text"`, where "-" reads the text from standard input. Throws USAGE where one of
 * them is missing: no model is in the box yet.
 */
export async function modelAndText(io: Io, operands: readonly string[], operand: TextOperand): Promise<ModelAndText> {
  const [first, second] = operands as [string, string?];
  if (second === undefined) return missing(io, first, operand);
  if (second !== "-") return { model: first, text: second };
  const text = await stdinText(io);
  return { model: first, text: operand.trimmed ? text.replace(/\r?\n$/, "") : text };
}

function missing({ host }: Io, only: string, { verb, what }: TextOperand): never {
  if (host.kindOf(only) !== undefined)
    fail(
      "USAGE",
      `${verb}: got the model ${only} and no ${what}. Try: ownlm ${verb} ${shellPath(only)} "Once upon a time"`,
    );
  return fail(
    "USAGE",
    `${verb}: ${only}: there is no such folder, and this version has no model in the box. Make one with ownlm train, or try: ownlm ${verb} FOLDER ${JSON.stringify(only)}`,
  );
}

/** Throws USAGE: a verb was given no model. */
export function noModel(verb: string): never {
  return fail(
    "USAGE",
    `${verb}: got no model, and this version has none in the box. Make one with ownlm train, or try: ownlm ${verb} FOLDER`,
  );
}

/** All of standard input as text. Throws BAD_TEXT where it is not UTF-8. */
export async function stdinText(io: Io): Promise<string> {
  if (io.stdinIsTerminal && !io.machine) io.warn("Type the text, then Ctrl-D:");
  const bytes = await io.readStdin();
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    return fail("BAD_TEXT", `standard input: its ${bytes.length} bytes are not UTF-8 text`, error);
  }
}

/**
 * The path of a model: here, in the hub's cache, or fetched there first, which is shown on stderr. Throws what
 * {@link locateModel} does.
 */
export async function locateForVerb(io: Io, given: string, part: ModelPart = "model"): Promise<string> {
  using view = transferView(io, { lines: false });
  const path = await locateModel(io.host, given, part, view);
  view[Symbol.dispose]();
  if (path !== given && !io.machine && io.stderr.isTTY)
    io.warn(`${given}: no such file or folder here; using the hub's, ${visibleText(path)}`);
  return path;
}

/** Opens a model and tells the user what is odd about it. */
export async function openForVerb(
  io: Io,
  given: string,
  { context, threads, quantize, cacheType, adapter }: GivenOptions<typeof MODEL_OPTIONS>,
): Promise<OpenModel> {
  const folder = await locateForVerb(io, given);
  return openModel(io.host, await openRuntimeFor(io.host), folder, {
    context,
    threads,
    quantize,
    cacheType,
    adapter,
    onWarning: io.warn,
  });
}
