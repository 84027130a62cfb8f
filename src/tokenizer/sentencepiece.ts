/**
 * BPE as SentencePiece has it (Llama 2, Mistral, Gemma, Phi-3): symbols are characters, spaces are "▁", and characters
 * without a token are their bytes' tokens. Knows nothing of added tokens but their spelling.
 */
import { bpeMerger, type Merges } from "./bpe.ts";
import { utf8Bytes } from "./bytes.ts";
import type { AppendIds } from "./encode-bpe.ts";
import { checkTokenId } from "./stream.ts";
import type { DecodeOptions, DecodeStream } from "./types.ts";

/** What stands for a space. */
export const META = "▁";

/** How a text is made ready: "▁" for spaces, and one in front. */
export interface MetaspaceRule {
  /** In front of every stretch between added tokens, of the first one of a text, or of none. */
  readonly prepend: "always" | "first" | "never";
  /** Words are merged apart. */
  readonly split: boolean;
}

/** A model of characters and bytes. */
export interface CharacterModel {
  /** Ids of the model's own tokens. */
  readonly idOf: (spelling: string) => number | undefined;
  readonly spellings: Iterable<string>;
  readonly merges: Merges;
  readonly byteFallback: boolean;
  readonly unkId: number | undefined;
  readonly fuseUnk: boolean;
  /** Undefined where the normaliser has done all of it. */
  readonly metaspace: MetaspaceRule | undefined;
}

const spellingOfByte = (byte: number) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;

/** Ids of the 256 tokens of bytes, or undefined where one is missing. */
function byteIdsOf({ idOf, byteFallback }: CharacterModel): Int32Array | undefined {
  if (!byteFallback) return undefined;
  const ids = Int32Array.from({ length: 256 }, (_, byte) => idOf(spellingOfByte(byte)) ?? -1);
  return ids.includes(-1) ? undefined : ids;
}

/** Words that are remembered, and how long they may be. */
const KEPT_WORDS = 1 << 16;
const LONGEST_KEPT = 64;

/** The encoder of a model. It keeps a cache of bounded size and is not re-entrant. */
export function characterEncoder(model: CharacterModel): AppendIds {
  const merge = bpeMerger(model.merges);
  const byteIds = byteIdsOf(model);
  const known = new Map<string, Int32Array>();
  // A merge may reach over the beginning of a word only where a token does.
  const apart = model.metaspace?.split === true || ![...model.spellings].some((spelling) => /[^▁]▁/u.test(spelling));
  const symbols = (text: string): Int32Array => {
    const ids = new Int32Array(3 * text.length);
    let [length, afterUnknown] = [0, false];
    for (const character of text) {
      const id = model.idOf(character);
      if (id !== undefined) ids[length++] = id;
      else if (byteIds) for (const byte of utf8Bytes(character)) ids[length++] = byteIds[byte]!;
      else if (model.unkId !== undefined && !(afterUnknown && model.fuseUnk)) ids[length++] = model.unkId;
      afterUnknown = id === undefined && !byteIds;
    }
    return ids.subarray(0, merge(ids, length));
  };
  const word = (text: string): Int32Array => {
    const found = known.get(text);
    if (found) return found;
    const ids = symbols(text);
    if (text.length > LONGEST_KEPT) return ids;
    if (known.size >= KEPT_WORDS) known.clear();
    known.set(text, ids.slice());
    return ids;
  };
  return (text, out, isFirst = true) => {
    const ready = model.metaspace ? withMeta(text, model.metaspace, isFirst) : text;
    if (!apart) {
      for (const id of symbols(ready)) out.push(id);
      return;
    }
    for (let start = 0; start < ready.length; ) {
      const end = endOfWord(ready, start);
      for (const id of word(ready.slice(start, end))) out.push(id);
      start = end;
    }
  };
}

function withMeta(text: string, { prepend }: MetaspaceRule, isFirst: boolean): string {
  const spaced = text.replaceAll(" ", META);
  const before = prepend === "always" || (prepend === "first" && isFirst);
  return before && spaced !== "" && !spaced.startsWith(META) ? META + spaced : spaced;
}

/** The next "▁" after something else, or the end. */
function endOfWord(text: string, start: number): number {
  for (let at = text.indexOf(META, start + 1); at >= 0; at = text.indexOf(META, at + 1))
    if (text[at - 1] !== META) return at;
  return text.length;
}

/** How ids become text again. */
export interface DecoderRule {
  /** One space is taken from the beginning of the text, or every one from the first token, or none. */
  readonly strip: "text" | "token" | "none";
  /** Tokens of bytes are bytes, and neighbours that are no UTF-8 together are each U+FFFD. */
  readonly bytes: boolean;
}

/** Both ways to decode, over the tokens' spellings. */
export function characterDecoder(tokens: readonly string[], special: ReadonlySet<number>, rule: DecoderRule) {
  const byteOf = (id: number): number => {
    const match = rule.bytes ? /^<0x([0-9A-Fa-f]{2})>$/.exec(tokens[id]!) : null;
    return match ? Number.parseInt(match[1]!, 16) : -1;
  };
  const stream = ({ skipSpecialTokens = false }: DecodeOptions = {}): DecodeStream => {
    let held: number[] = [];
    let [isFirst, hasText] = [true, false];
    const release = (): string => {
      const text = held.length === 0 ? "" : bytesAsText(held);
      held = [];
      return text;
    };
    const stripped = (text: string): string => {
      if (text === "" || hasText) return text;
      hasText = true;
      return rule.strip === "text" && text.startsWith(" ") ? text.slice(1) : text;
    };
    return {
      push(id) {
        checkTokenId(id, tokens.length);
        if (skipSpecialTokens && special.has(id)) return "";
        const byte = byteOf(id);
        if (byte >= 0) {
          held.push(byte);
          isFirst = false;
          return "";
        }
        const spelling = tokens[id]!;
        const plain =
          rule.strip === "token" && isFirst ? spelling.replaceAll(META, "") : spelling.replaceAll(META, " ");
        isFirst = false;
        return stripped(release() + plain);
      },
      end() {
        const text = stripped(release());
        [isFirst, hasText] = [true, false];
        return text;
      },
    };
  };
  return {
    decodeStream: stream,
    decode(ids: Iterable<number>, options?: DecodeOptions): string {
      const each = stream(options);
      let text = "";
      for (const id of ids) text += each.push(id);
      return text + each.end();
    },
    tokenBytes(id: number): Uint8Array {
      checkTokenId(id, tokens.length);
      const byte = byteOf(id);
      return byte >= 0 ? Uint8Array.of(byte) : utf8Bytes(tokens[id]!.replaceAll(META, " "));
    },
  };
}

function bytesAsText(bytes: readonly number[]): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    return "\ufffd".repeat(bytes.length);
  }
}
