/**
 * Whether a story hangs together, by rules on its text alone, so that they judge what a model writes as well. Each rule
 * names what it found. Knows no generator: only the lists of names, things, colours and weather.
 */
import { ANIMAL_KINDS } from "../facts/animals.ts";
import { numberWord } from "../facts/order.ts";
import { BOYS, COLOURS, COMPOSED, FOLK, FOODS, GIRLS, KEPT_BOYS, KEPT_GIRLS, PLACES, THINGS } from "./world.ts";

/** What is wrong with a story: the rule's name and what it found. */
export interface Fault {
  readonly rule: string;
  readonly found: string;
}

/** A rule on the sentences of a story. */
type Rule = (story: Read) => string | undefined;

/** A story as the rules read it. */
interface Read {
  readonly text: string;
  readonly sentences: readonly string[];
  /** Names and the place in the text where each is first introduced. */
  readonly introduced: ReadonlyMap<string, number>;
}

const any = (words: readonly string[]) => words.join("|");
const KINDS = [...new Set(["boy", "girl", ...FOLK, ...ANIMAL_KINDS.map(([animal]) => animal)])];
const COLOUR = any(COLOURS);
const THING = any(THINGS);
const HE = new Set([...BOYS, ...KEPT_BOYS]);
const SHE = new Set([...GIRLS, ...KEPT_GIRLS]);

const NAMES = new Set([...HE, ...SHE, ...COMPOSED]);

/** Ways in which a text makes somebody known. */
const INTRODUCTIONS = [
  /\b(?:named|called|named it|name was|friend|know|birthday of|sister|brother|waited for|play with) ([A-Z][a-z]+)\b/g,
  /\b([A-Z][a-z]+) (?:was|is) an? /g,
  /\b([A-Z][a-z]+), an? [a-z]/g,
  /\b([A-Z][a-z]+) the [a-z]+/g,
];
/** Words with a capital that are no names. */
const NO_NAMES = new Set("I It He She They We You This That There Then In At On By From After Over Under Behind Near Hand Step Who What Where When Moral Lesson Title Grandma Grandpa Mother Father Mom Dad Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July August September October November December".split(" ")); // biome-ignore format: a list

/** Sentences of a text: they end in a full stop, question or exclamation mark, with the quote behind it. `"Who?" asked Ben.` is one. */
export function sentencesOf(text: string): string[] {
  return text.split(/(?<=[.!?]["']?)\s+(?=["'A-Z])|\n+/).filter(Boolean);
}

/** The text up to its last whole sentence outside of an open quote: of a story that a model was stopped in. */
export function wholeSentences(text: string): string {
  const whole = /^[\s\S]*[.!?]["']?(?=\s|$)/.exec(text)?.[0] ?? "";
  const paragraph = whole.slice(whole.lastIndexOf("\n\n") + 1);
  const open = paragraph.split('"').length % 2 === 0;
  if (!open) return whole;
  // What is inside of the open quote goes, and then what led to it.
  const before = whole.slice(0, whole.lastIndexOf('"'));
  return before.length < whole.length ? wholeSentences(before.trimEnd()) : whole;
}

/** Everything that does not hang together; nothing for a good story. */
export function faultsOf(text: string): Fault[] {
  const read = { text, sentences: sentencesOf(text), introduced: introductions(text) };
  return Object.entries(RULES).flatMap(([rule, check]) => {
    const found = check(read);
    return found === undefined ? [] : [{ rule, found }];
  });
}

function introductions(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const pattern of INTRODUCTIONS)
    for (const match of text.matchAll(pattern)) {
      const at = match.index + match[0].indexOf(match[1]!);
      if (!NO_NAMES.has(match[1]!)) found.set(match[1]!, Math.min(at, found.get(match[1]!) ?? at));
    }
  return found;
}

/** Every rule by its name. */
export const RULES: Readonly<Record<string, Rule>> = {
  "no sentence twice": ({ sentences }) => {
    const seen = new Set<string>();
    return sentences.find((sentence) => sentence.length > 12 && seen.size === seen.add(sentence).size);
  },
  "names are introduced": ({ text, introduced }) => {
    for (const { name, at } of namesIn(text, introduced)) if (at < (introduced.get(name) ?? text.length)) return name;
    return undefined;
  },
  "the hero stays": ({ text, introduced }) => {
    const hero = [...introduced].sort(([, a], [, b]) => a - b)[0]?.[0];
    if (hero === undefined) return "nobody has a name";
    const later = text.slice(text.length / 3);
    return text.length < 300 || new RegExp(`\\b(?:${hero}|he|she|they)\\b`, "i").test(later) ? undefined : hero;
  },
  "nobody is two animals": ({ text }) => {
    const kinds = new Map<string, string>();
    for (const [name, kind] of kindsIn(text)) {
      if ((kinds.get(name) ?? kind) !== kind) return `${name}: ${kinds.get(name)}, ${kind}`;
      kinds.set(name, kind);
    }
    return undefined;
  },
  "pronouns have somebody": ({ text, introduced }) => pronounFault(text, introduced),
  "things keep their colour": ({ text }) => {
    const colours = new Map<string, string>();
    for (const [, colour, thing] of text.matchAll(new RegExp(`\\b(${COLOUR}) (${THING})\\b`, "g"))) {
      if ((colours.get(thing!) ?? colour) !== colour) return `${thing}: ${colours.get(thing!)}, ${colour}`;
      colours.set(thing!, colour!);
    }
    return undefined;
  },
  "things are introduced": ({ text }) => {
    for (const thing of new Set([...text.matchAll(new RegExp(`\\b(?:${THING})\\b`, "g"))].map(([word]) => word))) {
      const first = new RegExp(`(\\w+) (?:(?:${COLOUR}) )?${thing}\\b`).exec(text)?.[1];
      if (first && /^(the|his|her|your|my|their|that)$/i.test(first)) return `${first} ${thing}`;
    }
    return undefined;
  },
  "what is lost is not used": ({ sentences }) => lostFault(sentences),
  "one weather at a time": ({ text }) => weatherFault(text),
  "an age is one number": ({ text }) => {
    const ages = new Set([...text.matchAll(/\bwas (\w+) years old/g)].map(([, age]) => age));
    return ages.size > 1 ? [...ages].join(", ") : undefined;
  },
  "sums come out": ({ text }) => sumFault(text),
  "nobody is in two places": ({ sentences }) => placeFault(sentences),
  "quotes are closed": ({ text }) =>
    text.split("\n\n").find((paragraph) => paragraph.split('"').length % 2 === 0)?.slice(0, 60),
}; // biome-ignore format: a table

/** Words with a capital inside a sentence, and known names anywhere. */
function* namesIn(text: string, introduced: ReadonlyMap<string, number>): Generator<{ name: string; at: number }> {
  for (const match of text.matchAll(/\b[A-Z][a-z]+\b/g)) {
    const [name] = match;
    const before = text.slice(Math.max(0, match.index - 2), match.index);
    const starts = match.index === 0 || /[.!?"\n:] ?$/.test(before) || before.endsWith('"');
    const known = introduced.has(name) || NAMES.has(name);
    if (NO_NAMES.has(name) || (starts && !known)) continue;
    yield { name, at: match.index };
  }
}

function* kindsIn(text: string): Generator<[name: string, kind: string]> {
  const kind = any(KINDS);
  const before = new RegExp(`\\b(${kind}) (?:named|called|whose name was) ([A-Z][a-z]+)`, "g");
  const after = new RegExp(`\\b([A-Z][a-z]+)(?:, | was | is )(?:an? |the )(?:[a-z]+ ){0,2}?(${kind})\\b`, "g");
  const title = new RegExp(`\\b([A-Z][a-z]+) the (${kind})\\b`, "g");
  for (const [, found, name] of text.matchAll(before)) yield [name!, found!];
  for (const [, name, found] of text.matchAll(after)) yield [name!, found!];
  for (const [, name, found] of text.matchAll(title)) yield [name!, found!];
}

/** "He" needs somebody before it who may be one: a name that is not a girl's, or a man in its sentence or the one before. */
function pronounFault(text: string, introduced: ReadonlyMap<string, number>): string | undefined {
  const girls = new Set([...text.matchAll(/\bgirl (?:named|called|whose name was) ([A-Z][a-z]+)/g)].map(([, name]) => name));
  const boys = new Set([...text.matchAll(/\bboy (?:named|called|whose name was) ([A-Z][a-z]+)/g)].map(([, name]) => name));
  for (const [, name] of text.matchAll(/\b([A-Z][a-z]+)(?:,| was) an? (?:[a-z]+ ){0,2}girl\b/g)) girls.add(name);
  for (const [, name] of text.matchAll(/\b([A-Z][a-z]+)(?:,| was) an? (?:[a-z]+ ){0,2}boy\b/g)) boys.add(name);
  const isShe = (name: string) => girls.has(name) || (SHE.has(name) && !boys.has(name));
  const isHe = (name: string) => boys.has(name) || (HE.has(name) && !girls.has(name));
  const [men, women] = [/\b(?:man|baker|miller|fisherman|gardener|postman|king)\b/i, /\b(?:woman|wife|teacher|librarian|queen)\b/i];
  for (const [pronoun, at] of pronounsIn(text)) {
    const he = /^h(e|im|is|imself)$/i.test(pronoun);
    const end = text.slice(at).search(/[.!?]/);
    const known = [...introduced].filter(([, place]) => place < at + Math.max(end, 0)).map(([name]) => name);
    if (known.some((name) => (he ? !isShe(name) : !isHe(name)))) continue;
    const back = /[.!?]["']?\s+$/.test(text.slice(0, at)) ? -1 : -2;
    const [near, sentence] = [sentencesOf(text.slice(0, at)).slice(back).join(" "), text.slice(at, at + Math.max(end, 0))];
    if (!(he ? men : women).test(`${near} ${sentence}`)) return `${pronoun} at ${at}`;
  }
  return undefined;
} // biome-ignore format: long lists

function* pronounsIn(text: string): Generator<[pronoun: string, at: number]> {
  for (const match of text.matchAll(/\b(?:he|him|his|himself|she|her|hers|herself)\b/gi)) yield [match[0], match.index];
}

const LOSES = new RegExp(`\\b(?:lost the (${THING})\\b|the (${THING}) (?:was gone|was not there any more))`, "i");
const USES = (thing: string) =>
  new RegExp(`\\b(?:held|played with|showed|carried|hugged|wore|used) (?:the|his|her) (?:(?:${COLOUR}) )?${thing}\\b`);
const FINDS = (thing: string) =>
  new RegExp(
    `\\b(?:found|there it was|see something|was shining|got back|it was)\\b|${thing} was (?!gone|not|lost)`,
    "i",
  );

function lostFault(sentences: readonly string[]): string | undefined {
  let lost: string | undefined;
  for (const sentence of sentences) {
    if (lost && FINDS(lost).test(sentence) && !/found (?:nothing|only)/.test(sentence)) lost = undefined;
    if (lost && USES(lost).test(sentence)) return sentence;
    const loses = LOSES.exec(sentence);
    if (loses) lost = loses[1] ?? loses[2];
  }
  return undefined;
}

const WEATHER = /\b(?:one|on an?|the) (sunny|windy|cloudy|foggy|snowy|rainy) /gi;
const SIGNS: readonly (readonly [sign: RegExp, not: string])[] = [
  [/\bThe sun was (?:shining|bright|warm)|not? (?:a )?cloud in the sky/, "foggy|snowy|rainy|cloudy"],
  [/\bin the fog\b|\bfog lay\b/i, "sunny|windy|cloudy|snowy|rainy"],
  [/\bwith snow\b|\bsnow lay\b/i, "sunny|foggy|windy|cloudy|rainy"],
  [/\b[Cc]louds hung\b/, "sunny|foggy|snowy"],
]; // biome-ignore format: a table

/** A day is called by one weather, and no sentence tells of another before it begins to rain. */
function weatherFault(text: string): string | undefined {
  const named = [...text.matchAll(WEATHER)].map(([, weather]) => weather!.toLowerCase());
  const different = new Set(named);
  if (different.size > 1) return [...different].join(", ");
  const dry = text.split("began to rain")[0]!;
  const found = SIGNS.find(([sign, not]) => named[0] && not.split("|").includes(named[0]) && sign.test(dry));
  return found && `${named[0]}: ${found[0].exec(dry)![0]}`;
}

const NUMBERS = new Map(Array.from({ length: 100 }, (_, i) => [numberWord(i), i]));

/** What one had, gave and kept of a food adds up. */
function sumFault(text: string): string | undefined {
  const numbers = any([...NUMBERS.keys()].slice(0, 21));
  const food = any(FOODS);
  const first = new RegExp(`\\b(${numbers}) (${food})\\b`).exec(text);
  const gifts = text.matchAll(new RegExp(`\\bgave (?:[A-Z][a-z]+ )?(${numbers}) (?:${food})`, "g"));
  const gave = [...gifts].find(({ index }) => first && index > first.index);
  const kept = new RegExp(`\\b(?:kept|had) (${numbers})(?: (?:${food}) left)?\\.`).exec(text);
  if (!first || !gave || !kept) return undefined;
  const [had, given, left] = [first, gave, kept].map((match) => NUMBERS.get(match[1]!)!);
  return had === given! + left! ? undefined : `${had} - ${given} = ${left}`;
}

const GOES = new RegExp(
  `\\b(?:went|walked|ran|returned|back|set out|went back)(?: with \\w+)? to (${any(PLACES.map(([the]) => the))})\\b`,
);

/** After somebody went to one place, nothing is said to happen at another before somebody goes there. */
function placeFault(sentences: readonly string[]): string | undefined {
  let here: string | undefined;
  for (const sentence of sentences) {
    const goes = GOES.exec(sentence)?.[1];
    if (goes) here = goes;
    const [the] = PLACES.find(([, at]) => new RegExp(`^(?:They (?:played|sat|ate)|(?:He|She) (?:played|sat)).* ${at}\\b`).test(sentence)) ?? [];
    if (here && the && the !== here) return sentence;
  }
  return undefined;
} // biome-ignore format: long patterns
