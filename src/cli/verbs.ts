/** All verbs, in the order that help lists them. A new verb is one file and one line here. */
import { DEMO } from "./demo.ts";
import { TRAIN } from "./train.ts";
import type { Verb } from "./verb.ts";

export const VERBS: readonly Verb[] = [DEMO, TRAIN];
