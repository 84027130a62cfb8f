/** Reads a text with a float32 cache before a model is opened with one of 8 bits. Knows what text; keeps nothing. */
import { rng } from "../base/rng.ts";
import { cachedGraph } from "../models/heads.ts";
import type { CausalLm } from "../models/types.ts";
import type { Runtime, SessionOptions } from "../runtime/types.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { partnersIn, scalesOf } from "./cache-scales.ts";
import { openEngine, type Weights } from "./engine.ts";
import type { CacheScales } from "./kv-cache.ts";

/** Tokens that are read at most, of text and of the vocabulary at random. */
const [TOKENS, RANDOM] = [512, 128];

/** Prose, a dialogue, figures, code and a list: what a text may be like. */
const TEXT = `The river had risen in the night, and by morning the lower fields lay under a sheet of grey water. "Did you hear the bridge go?" asked Anna. "No," said Peter, "but I heard the dogs."
In 1987, 14 % of 3,250 households had two cars; by 2019 it was 41.5 %. Results: mean 0.732, standard deviation 0.081 (n = 96).
def area(width, height):
    if width <= 0 or height <= 0:
        raise ValueError("sizes must be positive")
    return width * height
{"name": "Lisbon", "population": 545796, "capital": true, "tags": ["port", "hills"]}
How do plants make sugar? 1. Leaves take in carbon dioxide. 2. Roots bring water. 3. Light splits the water, and oxygen is left over.
Sie sagte, das Wetter werde morgen besser. Il pleut depuis trois jours. El tren sale a las ocho. 東京は日本の首都です。 Москва — столица России.
The theorem states that every bounded sequence of real numbers has a convergent subsequence; its proof halves an interval again and again, keeping a half that holds infinitely many terms. We therefore conclude that the limit exists.
`;

/** The scales of an 8-bit cache, from a text and from random ids. The model is in memory for that long. */
export async function calibrateCache(
  runtime: Runtime,
  model: CausalLm,
  weights: Weights,
  tokenizer: Tokenizer | undefined,
  session: SessionOptions,
): Promise<CacheScales> {
  const random = rng(0, "calibration");
  const vocabSize = tokenizer?.vocabSize ?? model.vocabSize;
  const text = tokenizer?.encode(TEXT).slice(0, TOKENS - RANDOM) ?? [];
  const drawn = Array.from({ length: RANDOM }, () => random.below(vocabSize));
  const ids = [...text, ...drawn].slice(-model.maxPositions);
  using engine = await openEngine(runtime, model, weights, { capacity: ids.length, session });
  await engine.append(ids);
  return scalesOf(engine.cache, ids.length, partnersIn(cachedGraph(model, 1, ids.length)));
}
