/** The rules of a request as one list of functions, in the order of transformers' LogitsProcessorList. */
import type { GivenOptions } from "../base/options.ts";
import type { Constraint } from "../grammar/constraint.ts";
import type { GENERATE_OPTIONS } from "./options.ts";
import * as rules from "./processors.ts";
import type { LogitsProcessor } from "./warpers.ts";
import * as warpers from "./warpers.ts";

/** What decides the next token: the options of generation, and functions of the caller's own. */
export interface DecodingSettings extends GivenOptions<typeof GENERATE_OPTIONS> {
  /** Called after the rules and before sampling's masks. */
  readonly processors?: readonly LogitsProcessor[] | undefined;
  /** Ids that end the text. */
  readonly eosTokenIds?: readonly number[] | undefined;
  /** The form that the text is kept in, whatever the other rules say. */
  readonly constraint?: Constraint | undefined;
}

/** Where a text begins, and where it ends at the latest. */
export interface Span {
  readonly promptIds: readonly number[];
  readonly maxNewTokens: number;
}

/** All processors of a request in their order; those for sampling are left out at temperature 0. */
export function processorsOf(s: DecodingSettings, span: Span): LogitsProcessor[] {
  const sampled = s.temperature ? warpersOf(s, s.temperature) : [];
  const last = s.renormalizeLogits ? [warpers.normalize] : [];
  const { constraint } = s;
  const form = constraint ? [(logits: Float32Array, ids: readonly number[]) => constraint.process(logits, ids)] : [];
  return [...rulesOf(s, span), ...(s.processors ?? []), ...form, ...sampled, ...last];
}

const isOn = (penalty: number | undefined): penalty is number => penalty !== undefined && penalty !== 1;

function rulesOf(s: DecodingSettings, { promptIds, maxNewTokens }: Span): LogitsProcessor[] {
  const eos = s.eosTokenIds ?? [];
  const prompt = promptIds.length;
  const list: LogitsProcessor[] = [];
  const { presencePenalty: presence = 0, frequencyPenalty: frequency = 0 } = s;
  if (s.logitBias?.length) list.push(rules.sequenceBias(s.logitBias));
  if (isOn(s.encoderRepetitionPenalty))
    list.push(rules.repetitionPenalty(1 / s.encoderRepetitionPenalty, () => promptIds));
  if (isOn(s.repetitionPenalty)) list.push(rules.repetitionPenalty(s.repetitionPenalty));
  if (presence || frequency) list.push(rules.countPenalties(presence, frequency, prompt));
  if (s.noRepeatNgramSize) list.push(rules.noRepeatNgram(s.noRepeatNgramSize));
  if (s.encoderNoRepeatNgramSize) list.push(rules.noRepeatNgram(s.encoderNoRepeatNgramSize, prompt));
  if (s.badWordsIds?.length) list.push(rules.badWords(s.badWordsIds, eos));
  if (s.minNewTokens) list.push(rules.minLength(prompt + s.minNewTokens, eos));
  if (s.prefixIds?.length) list.push(rules.forcedPrefix(s.prefixIds, prompt));
  if (s.forcedBosTokenId !== undefined) list.push(rules.forcedAt([s.forcedBosTokenId], 1));
  if (s.forcedEosTokenId?.length) list.push(rules.forcedAt(s.forcedEosTokenId, prompt + maxNewTokens - 1));
  if (s.removeInvalidValues) list.push(rules.removeInvalid);
  if (s.exponentialDecayLengthPenalty) {
    const [start, factor] = s.exponentialDecayLengthPenalty;
    list.push(rules.exponentialDecay(prompt + start, factor, eos));
  }
  if (s.suppressTokens?.length) list.push(rules.suppress(s.suppressTokens));
  if (s.beginSuppressTokens?.length) {
    const isSecond = prompt === 1 && s.forcedBosTokenId !== undefined;
    list.push(rules.suppressAt(s.beginSuppressTokens, isSecond ? prompt + 1 : prompt));
  }
  return list;
}

function warpersOf(s: DecodingSettings, temperature: number): LogitsProcessor[] {
  // A beam that can only end would leave no other to go on with.
  const keep = (s.numBeams ?? 1) > 1 ? Math.max(2, 1 + (s.eosTokenIds?.length ?? 0)) : 1;
  const list: LogitsProcessor[] = [];
  if (temperature !== 1) list.push(warpers.temperature(temperature));
  if (s.topH !== undefined) list.push(warpers.topH(s.topH));
  if (s.topK) list.push(warpers.topK(s.topK, keep));
  if (s.topP !== undefined && s.topP < 1) list.push(warpers.topP(s.topP, keep));
  if (s.minP) list.push(warpers.minP(s.minP, keep));
  if (s.typicalP !== undefined && s.typicalP < 1) list.push(warpers.typicalP(s.typicalP, keep));
  if (s.epsilonCutoff && s.epsilonCutoff < 1) list.push(warpers.epsilonCutoff(s.epsilonCutoff, keep));
  if (s.etaCutoff && s.etaCutoff < 1) list.push(warpers.etaCutoff(s.etaCutoff, keep));
  return list;
}
