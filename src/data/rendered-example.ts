/** An example as the model sees it, with what carries loss told apart, to be shown to a person. Knows no terminal. */
import type { Tokenizer } from "../tokenizer/types.ts";
import type { TokenExample } from "./example-tokens.ts";

/** A stretch of text that carries loss, or does not. */
export interface RenderedPart {
  readonly text: string;
  readonly loss: boolean;
}

/** An example as text. */
export interface RenderedExample {
  readonly parts: readonly RenderedPart[];
  readonly tokens: number;
  readonly lossTokens: number;
}

/** The text of an example's tokens, special ones spelled out. A character of several tokens belongs to its last. */
export function renderedExample(
  { ids, mask }: Pick<TokenExample, "ids" | "mask">,
  tokenizer: Tokenizer,
): RenderedExample {
  const stream = tokenizer.decodeStream();
  const parts: { text: string; loss: boolean }[] = [];
  const add = (text: string, loss: boolean) => {
    const last = parts.at(-1);
    if (text === "") return;
    if (last?.loss === loss) last.text += text;
    else parts.push({ text, loss });
  };
  let lossTokens = 0;
  let loss = false;
  ids.forEach((id, i) => {
    loss = i > 0 && mask[i] === 1;
    if (loss) lossTokens++;
    add(stream.push(id), loss);
  });
  add(stream.end(), loss);
  return { parts, tokens: ids.length, lossTokens };
}
