/** Tells stories: casts the roles, walks a quest stage by stage and keeps the state of the world. Knows no rules to check by. */
import type { Dice } from "../dice.ts";
import { isHeldOut } from "../dice.ts";
import { numberWord } from "../facts/order.ts";
import { capital, listed, type Slots, say, withArticle } from "../template.ts";
import { ASIDES, DREADS, GUIDES, HABITS, OPENINGS, OWNS, SLOT_LISTS } from "./asides.ts";
import type { Quest, Stage, State, Story } from "./quest.ts";
import { DEED_QUESTS } from "./quests-deeds.ts";
import { MORE_QUESTS } from "./quests-more.ts";
import { THING_QUESTS } from "./quests-things.ts";
import { BOYS, COLOURS, COMPOSED, DAY_TIMES, ELDERS, FOLK, FOODS, GIRLS, HOMES, KEPT_BOYS, KEPT_GIRLS, MEALS, PETS, PLACES, THINGS, TRAITS, WEATHERS } from "./world.ts"; // biome-ignore format: a list

export const QUESTS: readonly Quest[] = [...THING_QUESTS, ...DEED_QUESTS, ...MORE_QUESTS];
/** Texts to train on, or to test with. */
export type Split = "train" | "test";

const COMPOSED_NAMES = {
  train: COMPOSED.filter((name) => !isHeldOut(name)),
  test: COMPOSED.filter((name) => isHeldOut(name)),
};

/** A first name: mostly one of the lists, now and then composed. No name of one split is ever in the other. */
export function anyName(isHe: boolean, split: Split, random: Dice): string {
  if (random.chance(0.15)) return random.pick(COMPOSED_NAMES[split]);
  if (split === "test") return random.pick(isHe ? KEPT_BOYS : KEPT_GIRLS);
  return random.pick(isHe ? BOYS : GIRLS);
}

/** Different first names. */
export function someNames(count: number, split: Split, random: Dice): string[] {
  const names = new Set<string>();
  while (names.size < count) names.add(anyName(random.chance(0.5), split, random));
  return [...names];
}

/** A story from its first sentence to its last. */
export function tellStory(random: Dice, split: Split = "train", quest = random.pick(QUESTS)): Story {
  const slots = cast(quest, split, random);
  const state: State = {
    at: "home",
    thing: quest.owns ? "hero" : "none",
    weather: slots.weather!,
    friend: false,
    calm: true,
  };
  const told = new Set<string>();
  const paragraphs: string[][] = [[]];
  const tell = (choices: readonly string[]) => {
    for (let tries = 0; tries < 8; tries++) {
      const text = say(random.pick(choices), slots, random);
      if (told.has(text)) continue;
      told.add(text);
      paragraphs.at(-1)!.push(text);
      return;
    }
  };
  tell(OPENINGS);
  if (random.chance(0.5)) tell(HABITS);
  if (quest.owns) tell(OWNS);
  for (const stage of quest.stages) tellStage(stage, { state, tell, paragraphs, random });
  const fill = (template: string) => say(template, slots, random);
  const lesson = random.pick(quest.lessons);
  const whole = paragraphs.map((sentences) => sentences.join(" "));
  return {
    title: titleCase(fill(random.pick(quest.titles))),
    text: whole.join("\n\n"),
    paragraphs: whole,
    summary: fill(random.pick(quest.summary)),
    lesson,
    names: [slots.hero!, slots.friend!],
    questions: quest.questions.map(([question, sentence, short]) => [
      fill(question),
      fill(sentence),
      say(short, slots, random, true),
    ]),
    quest: quest.name,
    slots,
  };
}

interface Telling {
  readonly state: State;
  readonly tell: (choices: readonly string[]) => void;
  readonly paragraphs: string[][];
  readonly random: Dice;
}

function tellStage(
  { say: choices, often = 1, sets, paragraph }: Stage,
  { state, tell, paragraphs, random }: Telling,
): void {
  if (!random.chance(often)) return;
  if (paragraph && paragraphs.at(-1)!.length > 0) paragraphs.push([]);
  tell(choices);
  Object.assign(state, sets);
  if (!state.calm || state.at === "home" || !random.chance(0.15)) return;
  const fitting = ASIDES.filter(({ when }) => when(state));
  tell(random.pick(fitting).say);
}

const SMALL_WORDS = new Set("a an and the of in to for who is are".split(" "));

function titleCase(title: string): string {
  return title.replace(/[A-Za-z']+/g, (word, at: number) => (at > 0 && SMALL_WORDS.has(word) ? word : capital(word)));
}

/** Who and what plays which role. Hero and friend are never both "he", so that every pronoun has one meaning. */
function cast(quest: Quest, split: Split, random: Dice): Slots {
  const isHe = random.chance(0.5);
  const hero = anyName(isHe, split, random);
  let friend = anyName(!isHe, split, random);
  while (friend === hero) friend = anyName(!isHe, split, random);
  const animals = random.chance(0.4);
  const [kind, fkind] = animals ? random.some(FOLK, 2) : isHe ? ["boy", "girl"] : ["girl", "boy"];
  const [trait, trait2, ftrait] = random.some(TRAITS, 3);
  const weather = random.pick(WEATHERS.filter(([name]) => quest.weathers?.includes(name) ?? true));
  const [elder, elderIsHe] = random.pick(ELDERS);
  const [meal, meal0] = random.some(MEALS, 2);
  const from = random.pick(animals ? ["from the other side of the hill", "with a loud voice", "who lived next door"] : ["from next door", "from school", "who lived across the street"]); // biome-ignore format: one line
  return {
    hero,
    friend,
    kind: kind!,
    ftrait: ftrait!,
    fkind: fkind!,
    ...pronouns("", isHe),
    ...pronouns("f", !isHe),
    ...pronouns("e", elderIsHe),
    friendintro: withArticle(random.pick([`${ftrait} ${fkind}`, `${fkind} ${from}`, `${ftrait} ${fkind} ${from}`])),
    trait: trait!,
    trait2: trait2!,
    home: random.pick(HOMES),
    age: numberWord(random.between(5, 10)),
    elder,
    meal: meal!,
    meal0: meal0!,
    daytime: random.pick(DAY_TIMES),
    weather: weather[0],
    weatherline: random.pick(weather[1]),
    colour: random.pick(COLOURS),
    thing: random.pick(THINGS),
    pet: random.pick(PETS),
    ...places(random),
    ...counts(random),
    ...Object.fromEntries(Object.entries(SLOT_LISTS).map(([name, values]) => [name, random.pick(values)])),
    ...dreadAndGuide(random),
  };
}

function pronouns(prefix: string, isHe: boolean): Slots {
  const [he, him, his] = isHe ? ["he", "him", "his"] : ["she", "her", "her"];
  return { [`${prefix}he`]: he!, [`${prefix}him`]: him!, [`${prefix}his`]: his!, [`${prefix}himself`]: `${him}self` };
}

function places(random: Dice): Slots {
  const [[place, at], [place2, at2]] = random.some(PLACES, 2) as [readonly [string, string], readonly [string, string]];
  return { place, at, place2, at2 };
}

function counts(random: Dice): Slots {
  const n = random.between(4, 15);
  const m = random.between(2, n - 2);
  return { food: random.pick(FOODS), n: numberWord(n), m: numberWord(m), left: numberWord(n - m) };
}

function dreadAndGuide(random: Dice): Slots {
  const [dread, skill] = random.pick(DREADS);
  const [guide, guidetip] = random.pick(GUIDES);
  return { dread, skill, guide, guidetip };
}

/** `Mia and Ben`. */
export function namesOf(story: Story): string {
  return listed(story.names);
}
