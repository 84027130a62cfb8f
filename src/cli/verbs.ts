/** All verbs, in the order that help lists them. A new verb is one file and one line here. */
import { BENCH } from "./bench.ts";
import { LIST, RM } from "./cache.ts";
import { CHAT } from "./chat.ts";
import { DEMO } from "./demo.ts";
import { DOCTOR } from "./doctor.ts";
import { EXPORT } from "./export.ts";
import { GENERATE } from "./generate.ts";
import { MERGE } from "./merge.ts";
import { NEXT } from "./next.ts";
import { PLAN } from "./plan.ts";
import { PULL } from "./pull.ts";
import { PUSH } from "./push.ts";
import { QUANTIZE } from "./quantize.ts";
import { SCORE } from "./score.ts";
import { SEARCH } from "./search.ts";
import { SERVE } from "./serve.ts";
import { SHOW } from "./show.ts";
import { TOKENIZE } from "./tokenize.ts";
import { TOKENIZER_TRAIN } from "./tokenizer-train.ts";
import { TRAIN } from "./train.ts";
import { TUNE } from "./tune.ts";
import type { Verb } from "./verb.ts";

export const VERBS: readonly Verb[] = [
  DEMO,
  TRAIN,
  TUNE,
  CHAT,
  GENERATE,
  SERVE,
  SCORE,
  NEXT,
  TOKENIZE,
  TOKENIZER_TRAIN,
  QUANTIZE,
  MERGE,
  EXPORT,
  SHOW,
  BENCH,
  PLAN,
  DOCTOR,
  SEARCH,
  PULL,
  LIST,
  RM,
  PUSH,
];
