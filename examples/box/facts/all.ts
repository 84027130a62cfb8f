/** All tables of facts, and sentences and questions made of them. */
import type { Dice } from "../dice.ts";
import type { Split } from "../story/tell.ts";
import { capital, type Slots, say } from "../template.ts";
import { ANIMAL_RELATIONS } from "./animals.ts";
import { COUNTRY_RELATIONS } from "./countries.ts";
import { EVERYDAY_RELATIONS } from "./everyday.ts";
import { ORDER_RELATIONS } from "./order.ts";
import type { Relation } from "./relation.ts";
import { WORD_RELATIONS } from "./words.ts";

export const RELATIONS: readonly Relation[] = [
  ...COUNTRY_RELATIONS,
  ...ANIMAL_RELATIONS,
  ...EVERYDAY_RELATIONS,
  ...ORDER_RELATIONS,
  ...WORD_RELATIONS,
];

/** Larger tables come up more often. */
const WEIGHTED = RELATIONS.flatMap((relation) => Array<Relation>(Math.ceil(relation.pairs.length ** 0.75)).fill(relation)).concat(Array(16).fill(RELATIONS[0])); // biome-ignore format: one line

/** A table, larger ones and capitals more often. */
export function anyRelation(random: Dice): Relation {
  return random.pick(WEIGHTED);
}

/** A fact as a sentence. */
export function tellFact(relation: Relation, [a, b]: readonly [string, string], random: Dice, split: Split = "train"): string {
  return say(random.pick(relation.told[split]), { a, b }, random);
} // biome-ignore format: one line

/** A question about a fact, its phrasing, and both answers to it. */
export interface Asked {
  readonly phrasing: string;
  readonly question: string;
  /** The whole sentence. */
  readonly sentence: string;
  /** The word asked for, with a full stop. */
  readonly short: string;
  /** A sentence and a word that are wrong. */
  readonly wrong: { readonly sentence: string; readonly short: string };
}

/** Asks about a fact, now and then the other way round. Equal words on both sides are asked only forwards. */
export function askFact(relation: Relation, random: Dice, split: Split = "train"): Asked {
  const pair = random.pick(relation.pairs);
  const back = relation.back && random.chance(0.25) ? relation.back : undefined;
  const { asked, answer } = back ?? relation;
  const phrasing = random.pick(asked[split]);
  const [wanted, i] = back ? [pair[0], 0] : [pair[1], 1];
  const right = slotsOf(pair);
  const others = relation.pairs.filter((each) => each[i] !== wanted);
  const wrong = random.pick(others)[i]!;
  const lie = slotsOf(back ? [wrong, pair[1]] : [pair[0], wrong]);
  return {
    phrasing,
    question: say(phrasing, right, random),
    sentence: say(answer, right, random),
    short: `${capital(wanted)}.`,
    wrong: { sentence: say(answer, lie, random), short: `${capital(wrong)}.` },
  };
}

function slotsOf([a, b]: readonly [string, string]): Slots {
  return { a, b };
}
