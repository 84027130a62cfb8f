/** Breaks a good story in one way that a rule is about: for answers to be rejected, and to test the rules. */
import type { Dice } from "../dice.ts";
import type { Story } from "./quest.ts";
import { sentencesOf } from "./rules.ts";
import { BOYS, COLOURS, FOLK, GIRLS, THINGS } from "./world.ts";

/** The text with one fault, or `undefined` where the story has nothing to break that way. */
export type Corruption = (story: Story, random: Dice) => string | undefined;

/** By the rule that finds it. */
export const CORRUPTIONS: Readonly<Record<string, Corruption>> = {
  "no sentence twice": ({ text }, random) => {
    const long = sentencesOf(text).filter((sentence) => sentence.length > 20 && !sentence.includes('"'));
    if (long.length === 0) return undefined;
    const sentence = random.pick(long);
    return text.replace(sentence, () => `${sentence} ${sentence}`);
  },
  "names are introduced": ({ text, names }, random) => {
    const stranger = random.pick([...GIRLS, ...BOYS].filter((name) => !names.includes(name)));
    return replaceLast(text, `said ${names[1]}`, `said ${stranger}`) ?? replaceLast(text, ` ${names[1]} `, ` ${stranger} `);
  },
  "nobody is two animals": ({ text, slots, names }, random) => {
    if (slots.kind === "boy" || slots.kind === "girl") return undefined;
    const kind = random.pick(FOLK.filter((each) => each !== slots.kind));
    return replaceLast(text, ` ${names[0]} `, ` ${names[0]} the ${kind} `);
  },
  "pronouns have somebody": ({ text, slots }) => {
    if (slots.kind !== "boy" && slots.kind !== "girl") return undefined;
    const until = text.indexOf(slots.friend!);
    const head = text.slice(0, sentenceStart(text, until));
    const swap = { he: "she", He: "She", she: "he", She: "He" } as Readonly<Record<string, string>>;
    const broken = head.replace(/\b[Ss]?[Hh]e\b/, (pronoun) => swap[pronoun] ?? pronoun);
    return broken === head ? undefined : broken + text.slice(head.length);
  },
  "things keep their colour": ({ text, slots }, random) => {
    const { thing, colour } = slots as { thing: string; colour: string };
    if (!text.includes(`${colour} ${thing}`)) return undefined;
    return replaceLast(text, `the ${thing}`, `the ${random.pick(COLOURS.filter((each) => each !== colour))} ${thing}`);
  },
  "things are introduced": ({ text, slots }, random) => {
    const thing = random.pick(THINGS.filter((each) => !new RegExp(`\\b${each}\\b`).test(text)));
    const changed = replaceLast(text, `the ${slots.thing}`, `the ${thing}`);
    return changed?.includes(` ${slots.thing}`) ? changed : undefined;
  },
  "what is lost is not used": ({ text, slots, quest }) => {
    if (quest !== "lost") return undefined;
    const sentence = sentencesOf(text).find((each) => /\b(?:gone|lost the|not there any more)\b/.test(each));
    return sentence && text.replace(sentence, () => `${sentence} ${slots.hero} played with the ${slots.thing}.`);
  },
  "one weather at a time": ({ text, slots }) => {
    const named = new RegExp(`\\b(?:one|on a) ${slots.weather}`, "i").exec(text);
    const sign = slots.weather === "foggy" ? "The sun was shining." : slots.weather === "cloudy" ? "Fog lay over the fields." : "The roofs were white with snow."; // biome-ignore format: one line
    if (!named || slots.weather === "snowy") return undefined;
    const end = named.index + text.slice(named.index).search(/\.(?: |\n)/) + 1;
    return end > named.index ? `${text.slice(0, end)} ${sign}${text.slice(end)}` : undefined;
  },
  "sums come out": ({ text, slots, quest }) => {
    if (quest !== "count") return undefined;
    const more = slots.left === "one" ? "nine" : "one";
    const changed = text.replace(new RegExp(`\\b(kept|had) ${slots.left}(?= ${slots.food} left|\\.)`), (_, verb: string) => `${verb} ${more}`);
    return changed === text ? undefined : changed;
  },
  "quotes are closed": ({ text }) => (text.includes('"') ? text.replace('"', "") : undefined),
}; // biome-ignore format: a table

function replaceLast(text: string, from: string, to: string): string | undefined {
  const at = text.lastIndexOf(from);
  return at < text.length / 3 ? undefined : text.slice(0, at) + to + text.slice(at + from.length);
}

/** Where the sentence that holds a place begins. */
function sentenceStart(text: string, at: number): number {
  return Math.max(0, text.slice(0, at).search(/[^.!?"]*$/));
}
