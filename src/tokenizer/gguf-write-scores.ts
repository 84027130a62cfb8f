/**
 * A BPE of characters with bytes to fall back on (Llama 2, Mistral, Gemma, Phi-3) as llama.cpp's kind `llama` has it: no
 * merges, but a score for each token. Writes no file.
 */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject } from "../base/json.ts";

/** What a file holds of such a vocabulary besides its tokens. */
export interface ScoredVocabulary {
  readonly scores: Float32Array;
  /** Whether a space goes in front of a text. */
  readonly spacePrefix: boolean;
}

/** As llama.cpp spells a byte. */
export const isByteToken = (token: string): boolean => /^<0x[0-9A-F]{2}>$/.test(token);

/** Whole numbers up to this are float32's. */
const MOST_RANKS = 2 ** 24;

/**
 * Scores that make llama.cpp merge as the merges of `model` do: it joins, again and again, the two neighbours that make
 * the token of the highest score, so a token's score is minus the rank of the merges that make it. `tokens` are those
 * that merges may make, by id; others are undefined. Throws UNSUPPORTED beginning with `where` for merges that scores
 * cannot say: a way to cut a token in two that is no merge, or merges of one token with others' between them.
 */
export function scoredVocabulary(
  json: JsonObject,
  model: JsonObject,
  tokens: readonly (string | undefined)[],
  where: string,
): ScoredVocabulary {
  checkPlain(model, where);
  const merges = (model.merges as unknown[]).map((merge) => pairOf(merge, where));
  const ranks = ranksOf(merges, where);
  checkComplete(merges, tokens, where);
  const last = ranks.size;
  const scores = Float32Array.from(tokens, (token) => (token === undefined ? 0 : -(ranks.get(token) ?? last)));
  return { scores, spacePrefix: hasSpacePrefix(json, where) };
}

/** Settings that llama.cpp has no word for, and the bytes that it needs. */
function checkPlain(model: JsonObject, where: string): void {
  for (const key of ["dropout", "continuing_subword_prefix", "end_of_word_suffix", "ignore_merges"])
    if (model[key] !== undefined && model[key] !== null && model[key] !== false && model[key] !== "")
      fail("UNSUPPORTED", `${where}: model.${key}: got ${JSON.stringify(model[key])}, which GGUF files cannot say`);
  const bytes = Object.keys(isJsonObject(model.vocab) ? model.vocab : {}).filter(isByteToken).length;
  if (bytes !== 256)
    fail("UNSUPPORTED", `${where}: model.vocab: got ${bytes} tokens of bytes, and llama.cpp needs <0x00> to <0xFF>`);
}

function pairOf(merge: unknown, where: string): readonly [left: string, right: string] {
  const parts = Array.isArray(merge) ? merge : String(merge).split(" ");
  if (parts.length === 2 && parts.every((part) => typeof part === "string"))
    return parts as unknown as [string, string];
  return fail("UNSUPPORTED", `${where}: model.merges: got ${JSON.stringify(merge)}, expected two tokens`);
}

/** The rank of each token that merges make: its place among them. */
function ranksOf(merges: readonly (readonly [string, string])[], where: string): Map<string, number> {
  const ranks = new Map<string, number>();
  let before = "";
  for (const [left, right] of merges) {
    const token = left + right;
    if (token === before) continue;
    before = token;
    if (ranks.has(token))
      fail(
        "UNSUPPORTED",
        `${where}: model.merges: ${JSON.stringify(token)} is made by merges of different ranks, and GGUF files have one score a token`,
      );
    ranks.set(token, ranks.size);
  }
  if (ranks.size > MOST_RANKS) fail("UNSUPPORTED", `${where}: model.merges: got more than ${MOST_RANKS} ranks`);
  return ranks;
}

/** llama.cpp joins any two neighbours that are a token together. */
function checkComplete(
  merges: readonly (readonly [string, string])[],
  tokens: readonly (string | undefined)[],
  where: string,
): void {
  const known = new Set(tokens.filter((token) => token !== undefined));
  const merged = new Set(merges.map((pair) => pair.join("\0")));
  for (const token of known) {
    for (let at = pointLength(token, 0); at < token.length; at += pointLength(token, at)) {
      const [left, right] = [token.slice(0, at), token.slice(at)];
      if (known.has(left) && known.has(right) && !merged.has(`${left}\0${right}`))
        fail(
          "UNSUPPORTED",
          `${where}: model.merges: ${JSON.stringify(left)} and ${JSON.stringify(right)} are no merge, and llama.cpp would join them to ${JSON.stringify(token)}`,
        );
    }
  }
}

const pointLength = (text: string, at: number): number => (text.codePointAt(at)! > 0xffff ? 2 : 1);

/** The forms that published files have: normalizers that write "▁", or a Metaspace that cuts nothing. */
function hasSpacePrefix({ normalizer, pre_tokenizer: pre }: JsonObject, where: string): boolean {
  const steps = isJsonObject(normalizer) && normalizer.type === "Sequence" ? normalizer.normalizers : [normalizer];
  const kinds = (Array.isArray(steps) ? steps : []).filter((step) => step !== null && step !== undefined).map(stepOf);
  if (kinds.join() === "prepend,space" && cutsNothing(pre)) return true;
  if (kinds.join() === "space" && cutsNothing(pre)) return false;
  if (kinds.length === 0 && isJsonObject(pre) && pre.type === "Metaspace" && pre.split === false) {
    const scheme = pre.prepend_scheme ?? (pre.add_prefix_space === false ? "never" : "always");
    if (pre.replacement === "▁") return scheme !== "never";
  }
  return fail(
    "UNSUPPORTED",
    `${where}: normalizer, pre_tokenizer: got what is not SentencePiece's "▁" for spaces, and GGUF files have no word for it`,
  );
}

function stepOf(step: unknown): string {
  if (!isJsonObject(step)) return "?";
  if (step.type === "Prepend" && step.prepend === "▁") return "prepend";
  const pattern = isJsonObject(step.pattern) ? step.pattern.String : undefined;
  return step.type === "Replace" && pattern === " " && step.content === "▁" ? "space" : "?";
}

/** Gemma cuts at spaces, of which its normalizer has left none. */
function cutsNothing(pre: unknown): boolean {
  if (pre === null || pre === undefined) return true;
  return isJsonObject(pre) && pre.type === "Split" && isJsonObject(pre.pattern) && pre.pattern.String === " ";
}
