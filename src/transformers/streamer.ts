/** Streamers as transformers.js has them: objects that are given tokens as they are made. Knows no models. */
import { fail } from "../base/errors.ts";
import type { DecodeStream } from "../tokenizer/types.ts";
import type { PreTrainedTokenizer } from "./tokenizer.ts";

/** What one's own streamers extend. */
export abstract class BaseStreamer {
  /** Is given the prompt's ids first, then each new one. */
  abstract put(value: bigint[][]): void;
  abstract end(): void;
}

/** How a {@link TextStreamer} shows text. */
export interface TextStreamerOptions {
  /** Default false. */
  readonly skip_prompt?: boolean;
  /** Default true. */
  readonly skip_special_tokens?: boolean;
  /** Default: writes to the standard output, or the console where there is none. */
  readonly callback_function?: ((text: string) => void) | null;
  readonly token_callback_function?: ((tokens: bigint[]) => void) | null;
  readonly decode_kwargs?: { readonly skip_special_tokens?: boolean };
}

interface Output {
  readonly process?: { readonly stdout?: { write(text: string): unknown } };
  readonly console: { log(text: string): void };
}

/** Shows text as it is made. Characters are never split; words are shown as their pieces come. */
export class TextStreamer extends BaseStreamer {
  readonly tokenizer: PreTrainedTokenizer;
  readonly skip_prompt: boolean;
  readonly callback_function: (text: string) => void;
  readonly token_callback_function: ((tokens: bigint[]) => void) | undefined;
  private readonly decoder: DecodeStream;
  private isPrompt = true;

  constructor(tokenizer: PreTrainedTokenizer, options: TextStreamerOptions = {}) {
    super();
    const { skip_prompt = false, skip_special_tokens = true, decode_kwargs } = options;
    this.tokenizer = tokenizer;
    this.skip_prompt = skip_prompt;
    this.callback_function = options.callback_function ?? writeOut;
    this.token_callback_function = options.token_callback_function ?? undefined;
    const skipSpecialTokens = decode_kwargs?.skip_special_tokens ?? skip_special_tokens;
    this.decoder = tokenizer.tokenizer.decodeStream({ skipSpecialTokens });
  }

  put(value: bigint[][]): void {
    const [tokens = []] = value;
    if (value.length > 1) fail("UNSUPPORTED", `TextStreamer: got ${value.length} texts at once, expected one`);
    const isPrompt = this.isPrompt;
    this.isPrompt = false;
    if (isPrompt && this.skip_prompt) return;
    this.token_callback_function?.(tokens);
    this.show(tokens.map((id) => this.decoder.push(Number(id))).join(""));
  }

  end(): void {
    this.on_finalized_text(this.decoder.end(), true);
    this.isPrompt = true;
  }

  /** Shows text that is certain. May be overridden. */
  on_finalized_text(text: string, stream_end: boolean): void {
    if (text !== "") this.callback_function(text);
    if (stream_end && this.callback_function === writeOut) writeOut("\n");
  }

  private show(text: string): void {
    if (text !== "") this.on_finalized_text(text, false);
  }
}

function writeOut(text: string): void {
  const { process, console } = globalThis as unknown as Output;
  if (process?.stdout) process.stdout.write(text);
  else console.log(text);
}
