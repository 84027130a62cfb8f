/** Decides whether a text is made with speculation, and by which guesses. */
import { createOwner, type Owner } from "../base/owner.ts";
import type { Engine } from "./engine-types.ts";
import type { Lending } from "./lending.ts";
import { lookupDraft } from "./lookup-draft.ts";
import { modelDraft } from "./model-draft.ts";
import { speculating } from "./speculate.ts";
import { createPolicy, type Policy } from "./speculate-policy.ts";
import type { Drafter } from "./speculate-types.ts";

/** "auto" speculates where the most probable token is taken, "on" where tokens are chosen otherwise as well. */
export type Speculate = "auto" | "on" | "off";

/** What a model has learned of the worth of guesses, from text to text. */
export interface Policies {
  readonly lookup: Policy;
  readonly draft: Policy;
}

/** Policies that know nothing yet. */
export const createPolicies = (): Policies => ({ lookup: createPolicy(), draft: createPolicy() });

/** What the decision depends on. */
export interface SpeculatedOptions {
  readonly speculate: Speculate;
  /** The most probable token is taken each time, whatever came before. */
  readonly isGreedy: boolean;
  readonly isPacked: boolean;
  /** Guesses by this model. Default: by what the text has said before. */
  readonly draft?: Pick<Lending, "borrow"> | undefined;
  /** What the draft model is to know of. */
  readonly promptIds: readonly number[];
  readonly vocabSize: number;
  readonly policies: Policies;
}

/**
 * Logits nearer to each other than this are compared one token a step: float32 steps of one and of several tokens differ by
 * some 1e-5, 8-bit caches by up to 0.01, packed weights (which round activations) by up to 0.2. See docs/log.md.
 */
function nearTieOf({ cache }: Engine, isPacked: boolean): number {
  return isPacked ? 0.3 : cache.type === "q8" ? 0.05 : 1e-3;
}

/** `engine`, or one that speculates over it; `owner` gives back what that takes. */
export function speculated(engine: Engine, options: SpeculatedOptions, { own }: Owner = createOwner()): Engine {
  const { speculate, isGreedy, isPacked, draft, promptIds, vocabSize, policies } = options;
  if (speculate === "off" || (speculate === "auto" && !isGreedy)) return engine;
  const drafter: Drafter = draft ? modelDraft(own(draft.borrow(promptIds)).engine, vocabSize) : lookupDraft;
  const policy = draft ? policies.draft : policies.lookup;
  return speculating(engine, { drafter, policy, nearTie: isGreedy ? nearTieOf(engine, isPacked) : 0 });
}
