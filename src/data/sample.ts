/** Composes the stories that ship with ownlm, so that a first model can be trained with nothing to fetch. */
import { fail } from "../base/errors.ts";
import { type Rng, rng } from "../base/rng.ts";
import { type Beat, expand, type Plot, pick, type Scope } from "./sample-grammar.ts";
import { FRIENDS_PLOTS } from "./sample-plots-friends.ts";
import { GROWTH_PLOTS } from "./sample-plots-growth.ts";
import { PRIDE_PLOTS } from "./sample-plots-pride.ts";
import { ASIDES, FOODS, JOYS, KINDS, PLACES, SEASONS, VILLAGES } from "./sample-world.ts";

/** How much text is composed. */
export interface SampleOptions {
  readonly seed?: number;
  /** Characters at least, up to 100 million; the last story is told to its end. */
  readonly characters?: number;
}

const ALL_PLOTS = [...FRIENDS_PLOTS, ...PRIDE_PLOTS, ...GROWTH_PLOTS];

const OPENINGS: Beat = [
  "Once upon a time, in {village}, there lived a {trait} [young|little|] {kind} [named|called] {hero}.",
  "[Long ago|Many years ago|Once], when the [hills were greener|winters were longer|forests were younger], a {trait} {kind} [named|called] {hero} lived {home.at}.",
  "In {village} lived a {trait} [young|little|] {kind} whose name was {hero}.",
  "{Hero} the {kind} lived in {home} {home.at}, [not far from|close to|just outside] {village}. {He} was [very|rather|a little] {trait}.",
  "There was once a {coat} {kind} called {hero}, who lived in {home} {home.at}. {He} was a {trait} [fellow|creature].",
  "Everyone in {village} knew {hero}, the {trait} {kind} who lived {home.at}.",
  "Once upon a time there was a {coat} {kind} named {hero}. {He} lived in {home} {home.at}, and {he} was [rather|quite|very] {trait}.",
];

const JOY_LINES: Beat = [
  "{He} liked {joy} and {joy2}.",
  "What {he} liked best was {joy}.",
  "There was nothing {he} liked so much as {joy}, except perhaps {joy2}.",
];

/** One text of many stories: title, paragraphs and a moral each, with an empty line between paragraphs. ASCII only. */
export function sampleText(options: SampleOptions = {}): string {
  return sampleStories(options).join("\n");
}

/** The stories one by one; equal options give equal stories on every platform. */
export function sampleStories({ seed = 0, characters = 1_500_000 }: SampleOptions = {}): string[] {
  if (!(characters >= 0 && characters <= 1e8))
    fail("BAD_OPTION", `characters: got ${characters}, expected 0 to 100,000,000`);
  const random = rng(seed, "sample stories");
  const stories: string[] = [];
  for (let length = 0; length < characters; length += stories.at(-1)!.length + 1) stories.push(tellStory(random));
  return stories;
}

function tellStory(random: Rng): string {
  const plot = pick(ALL_PLOTS, random);
  const scope = castRoles(plot, random);
  const tell = (beat: Beat) => expand(pick(beat, random), scope, random);
  const opening = random.below(3) === 0 ? [OPENINGS, JOY_LINES] : [OPENINGS];
  const [first, ...rest] = plot.paragraphs;
  const paragraphs = [[...opening, ...first!], ...rest].map((beats) => beats.map(tell).join(" "));
  return `${[titleCase(tell(plot.titles)), ...paragraphs, `Moral: ${tell(plot.morals)}`].join("\n\n")}\n`;
}

const SMALL_WORDS = new Set("a an and the of in to for who was not by at that would".split(" "));

function titleCase(title: string): string {
  const words = title.split(" ");
  return words.map((word, i) => (i > 0 && SMALL_WORDS.has(word) ? word : upperFirst(word))).join(" ");
}

function upperFirst(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** Two different entries of a list. */
function pickTwo<T>(list: readonly T[], random: Rng): [T, T] {
  const i = random.below(list.length);
  const j = random.below(list.length - 1);
  return [list[i]!, list[j < i ? j : j + 1]!];
}

/** Who plays which role. Hero and friend are never both "he", so that every pronoun has one meaning. */
function castRoles(plot: Plot, random: Rng): Scope {
  const village = pick(VILLAGES, random);
  const heroIsHe = random.below(2) === 0;
  const [hero, friend] = heroIsHe ? [village.he, village.she] : [village.she, village.he];
  const scope = new Map<string, string>([
    ["village", village.name],
    ["thing", village.thing],
    ["elder", village.elder[0]],
  ]);
  castAnimal(scope, ["", "hero"], hero, heroIsHe, random);
  castAnimal(scope, ["f", "friend"], friend, !heroIsHe, random);
  setPronouns(scope, "e", village.elder[1]);
  scope.set("trait", pick(plot.traits.slice(1, -1).split("|"), random));
  const [joy, joy2] = pickTwo(JOYS.slice(1, -1).split("|"), random);
  scope.set("joy", joy).set("joy2", joy2);
  setPlaces(scope, plot.home ?? village.place, random);
  setFoods(scope, village.food, random);
  setSeason(scope, plot, random);
  return scope;
}

type Role = readonly [prefix: string, name: string];
type Animal = readonly [name: string, kind: string];

function castAnimal(scope: Map<string, string>, role: Role, [name, kind]: Animal, isHe: boolean, random: Rng): void {
  const { coats, home } = KINDS.find((each) => each.name === kind)!;
  const choose = (choices: string) => pick(choices.slice(1, -1).split("|"), random);
  const [prefix, key] = role;
  scope.set(key, name).set(`${prefix}kind`, kind);
  scope.set(`${prefix}coat`, choose(coats)).set(`${prefix}home`, choose(home));
  setPronouns(scope, prefix, isHe);
}

function setPronouns(scope: Map<string, string>, prefix: string, isHe: boolean): void {
  const [he, him, his] = isHe ? ["he", "him", "his"] : ["she", "her", "her"];
  scope
    .set(`${prefix}he`, he!)
    .set(`${prefix}him`, him!)
    .set(`${prefix}his`, his!)
    .set(`${prefix}himself`, `${him}self`);
}

function setPlaces(scope: Map<string, string>, homePlace: string, random: Rng): void {
  const home = PLACES.find(([the]) => the === homePlace)!;
  const others = PLACES.filter((place) => place !== home);
  const [place, place2] = pickTwo(others, random);
  for (const [name, [the, at]] of Object.entries({ home, place, place2 }))
    scope.set(`${name}.the`, the).set(`${name}.at`, at).set(`${name}.to`, `to ${the}`);
}

function setFoods(scope: Map<string, string>, own: string, random: Rng): void {
  const [food, the, plural] = FOODS.find(([a]) => a === own)!;
  const [food2] = pick(
    FOODS.filter(([a]) => a !== own),
    random,
  );
  scope.set("food", food).set("food.the", the).set("food2", food2);
  scope.set("food.it", plural ? "them" : "it").set("food.is", plural ? "are" : "is");
  scope.set("food.was", plural ? "were" : "was").set("foodMany", the.replace("the ", ""));
}

function setSeason(scope: Map<string, string>, plot: Plot, random: Rng): void {
  const season = pick(
    SEASONS.filter(({ name }) => plot.seasons?.includes(name) ?? true),
    random,
  );
  const i = SEASONS.indexOf(season);
  scope.set("morning", pick(season.mornings, random)).set("weather", pick(season.weather, random));
  scope.set("aside", random.below(2) === 0 ? ` ${pick(ASIDES, random)}` : "");
  scope.set("nextSeason", SEASONS[(i + 1) % SEASONS.length]!.name);
  scope.set("lastSeason", SEASONS[(i + 3) % SEASONS.length]!.name);
}
