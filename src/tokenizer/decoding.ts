/** The decoding side of a tokenizer: ids to text, whole or one at a time. Knows no kinds of decoders. */

import { isJsonObject } from "../base/json.ts";
import { byteOfToken } from "./byte-tokens.ts";
import { utf8Bytes } from "./bytes.ts";
import { type Chain, type StepKind, startChain } from "./decode-steps.ts";
import { readDecoder } from "./decoders.ts";
import { checkTokenId, decodeIds, decodeStreamOf, packTokenBytes } from "./stream.ts";
import type { Tokenizer } from "./types.ts";
import type { Vocabulary } from "./vocabulary.ts";

type DecodingMethods = Pick<Tokenizer, "decode" | "decodeStream" | "tokenBytes">;

/** The methods of a tokenizer that take ids. `spellings` are what the decoder is given. Throws BAD_TOKENIZER or UNSUPPORTED, naming `at`. */
export function decodingOf(
  json: unknown,
  { tokens, added }: Vocabulary,
  spellings: readonly string[],
  special: ReadonlySet<number>,
  at: string,
): DecodingMethods {
  const kinds = readDecoder(json, at);
  const type = isJsonObject(json) ? json.type : undefined;
  if (type !== "ByteLevel" && type !== "Fuse") return byChain(kinds, spellings, special, hasByteTokens(json));
  const addedIds = new Set(added.map((token) => token.id));
  // An added token is as it is spelled, but a single character of the alphabet is a byte whoever else lists it.
  const isSpelled = (id: number) => !addedIds.has(id) || spellings[id]!.length === 1;
  const table = packTokenBytes(spellings, (id) => type === "ByteLevel" && isSpelled(id), special);
  return {
    decode: (some, options) => decodeIds(table, some, options),
    decodeStream: (options) => decodeStreamOf(table, options),
    tokenBytes(id) {
      checkTokenId(id, tokens.length);
      return table.bytes.slice(table.offsets[id], table.offsets[id + 1]);
    },
  };
}

/** Whether `<0x0A>` and such are bytes. */
function hasByteTokens(json: unknown): boolean {
  if (!isJsonObject(json)) return false;
  return json.type === "ByteFallback" || (Array.isArray(json.decoders) && json.decoders.some(hasByteTokens));
}

function byChain(
  kinds: readonly StepKind[],
  spellings: readonly string[],
  special: ReadonlySet<number>,
  bytesCount: boolean,
): DecodingMethods {
  const stream = (skipSpecialTokens = false) => {
    let chain: Chain | undefined;
    return {
      push(id: number) {
        checkTokenId(id, spellings.length);
        if (skipSpecialTokens && special.has(id)) return "";
        chain ??= startChain(kinds);
        return chain.push(spellings[id]!);
      },
      end() {
        const rest = chain?.end() ?? "";
        chain = undefined;
        return rest;
      },
    };
  };
  return {
    decode(ids, { skipSpecialTokens } = {}) {
      const { push, end } = stream(skipSpecialTokens);
      const parts: string[] = [];
      for (const id of ids) parts.push(push(id));
      return parts.join("") + end();
    },
    decodeStream: ({ skipSpecialTokens } = {}) => stream(skipSpecialTokens),
    tokenBytes(id) {
      checkTokenId(id, spellings.length);
      const byte = bytesCount ? byteOfToken(spellings[id]!) : -1;
      if (byte >= 0) return Uint8Array.of(byte);
      // Behind another token: the first of a text may lose a space.
      const chain = startChain(kinds);
      const begun = chain.push(BEGINNING);
      const text = begun + chain.push(spellings[id]!) + chain.end();
      return utf8Bytes(text.slice(BEGINNING.length));
    },
  };
}

/** A token that no decoder changes. */
const BEGINNING = ".";
