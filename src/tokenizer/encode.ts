/** The encoding side of a tokenizer: its pipeline and post-processor as methods. Knows no kinds. */
import { addedCount, assembled, padded, type Row, slotsFor, trimmed, truncated } from "./encoding.ts";
import { type IdList, idList, plainIds } from "./id-list.ts";
import type { Limits, Truncation } from "./limits.ts";
import type { Finding, Pipeline, Tracked } from "./pipeline.ts";
import { type PostProcessor, templateOf } from "./post-process.ts";
import type { BatchOptions, EncodeOptions, TextPair, Tokenizer } from "./types.ts";

/** What encoding needs. */
export interface EncodingParts {
  readonly pipeline: Pipeline;
  readonly post: PostProcessor;
  readonly limits: Limits;
  /** Spellings by id. */
  readonly tokens: readonly string[];
}

type EncodingMethods = Pick<Tokenizer, "encode" | "encodeIds" | "encodeWithOffsets" | "encodeBatch">;

/** Larger lists are not kept. */
const KEPT_IDS = 2 ** 20;

/** The methods of a tokenizer that make ids. */
export function encodingOf({ pipeline, post, limits, tokens }: EncodingParts): EncodingMethods {
  const { prefix, suffix } = templateOf(post);
  let list = idList();
  const encodeToList = (text: string, options: EncodeOptions = {}): IdList => {
    const { addSpecialTokens = true } = options;
    // One very long text must not keep its space for good.
    if (list.ids.length > KEPT_IDS) list = idList();
    list.length = 0;
    for (const id of addSpecialTokens ? prefix : []) list.push(id);
    pipeline.append(text, findingOf(options), list);
    for (const id of addSpecialTokens ? suffix : []) list.push(id);
    return list;
  };
  const spellingOf = (id: number) => tokens[id]!;

  /** Ids alone, for a text by itself. */
  const bare = (text: string, options: EncodeOptions): Tracked => {
    const ids = plainIds(encodeToList(text, { ...options, addSpecialTokens: false }));
    return { ids, offsets: [], values: [] };
  };
  const rowOf = (
    text: string | TextPair,
    options: BatchOptions,
    truncation: Truncation | undefined,
    isTracked: boolean,
  ): Row => {
    const { addSpecialTokens = true } = options;
    const texts = typeof text === "string" ? [text] : text;
    const slots = slotsFor(post, texts.length);
    const tracked = texts.map((one) =>
      isTracked || texts.length > 1 ? pipeline.track(one, findingOf(options)) : bare(one, options),
    );
    const short = truncation ? truncated(tracked, truncation, addSpecialTokens ? addedCount(slots) : 0) : tracked;
    const parts = isTracked ? short.map((part, i) => trimmed(part, texts[i]!, post.trims, spellingOf)) : short;
    return assembled(parts, slots, addSpecialTokens);
  };

  return {
    encode: (text, options) => plainIds(encodeToList(text, options)),
    encodeIds(text, options) {
      const { ids, length } = encodeToList(text, options);
      return ids.slice(0, length);
    },
    encodeWithOffsets(text, options = {}) {
      const padding = limits.padding(options.padding);
      const row = rowOf(text, options, limits.truncation(options.truncation), true);
      if (padding) padded([row], padding);
      const { ids, offsets, typeIds, specialTokensMask, attentionMask } = row;
      return {
        ids,
        tokens: ids.map(spellingOf),
        offsets: ids.map((_, i) => [offsets[2 * i]!, offsets[2 * i + 1]!]),
        typeIds,
        specialTokensMask,
        attentionMask,
      };
    },
    encodeBatch(texts, options = {}) {
      const padding = limits.padding(options.padding);
      const truncation = limits.truncation(options.truncation);
      const rows = texts.map((text) => rowOf(text, options, truncation, false));
      if (padding) padded(rows, padding);
      return {
        ids: rows.map((row) => row.ids),
        attentionMask: rows.map((row) => row.attentionMask),
        typeIds: rows.map((row) => row.typeIds),
      };
    },
  };
}

function findingOf({ allowSpecial = false, findAdded = true }: EncodeOptions): Finding {
  return { allowSpecial, findAdded };
}
