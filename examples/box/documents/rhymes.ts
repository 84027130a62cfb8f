/** Small poems of couplets. The rhymes come from the lists. */
import type { Dice } from "../dice.ts";
import { BOYS, COLOURS, GIRLS, TRAITS } from "../story/world.ts";
import { RHYMES } from "../tasks/lists.ts";
import { say } from "../template.ts";

const COUPLETS: readonly string[] = [
  "I went to look for {a one},\nand what I found was {a two}.",
  "Here is the {one},\nand there is the {two}.",
  "Up in the attic there is {a one},\nand down in the cellar there is {a two}.",
  "Who has lost the {one}?\nIt is lying by the {two}.",
  "{Name} drew a picture of {a one}\nand right beside it {a two}.",
  "I dreamed last night about {a one}\nthat wanted to dance with {a two}.",
  "Good morning, said the {one}.\nGood morning, said the {two}.",
  "One and two, {a colour} {one},\nthree and four, {a trait} {two}.",
  "{Name} laughed and looked at the {one},\nthen turned around and saw the {two}.",
  "Can you see the {colour} {one}?\nIt is hiding behind the {two}.",
  "No one is as {trait} as the {one},\nno one but the {colour} {two}.",
  "Round and round goes the {one},\nup and down goes the {two}.",
  "Oh, what fun to be {a one}!\nOh, what luck to meet {a two}!",
  "Give the {colour} one to the {one}\nand the other one to the {two}.",
  "In the morning comes the {one},\nin the evening comes the {two}.",
  "If I had {a colour} {one},\nI would trade it for {a two}.",
  "{Name} told me of {a one}\nthat was afraid of every {two}.",
  "Far away there was {a one},\nfarther still there was {a two}.",
  "Never ever wake the {one},\nnever ever lose the {two}.",
  "Hush, be quiet, says the {one}.\nThen be louder, says the {two}.",
];
const TITLES: readonly string[] = ["A Rhyme", "The {one} and the {two}", "{Name}'s Song", "A Little Song", "{Name} Sings", "Good Night, {one}", "A Rhyme for {name}"]; // biome-ignore format: one line

/** A poem of two to four couplets, no rhyme twice. */
export function poem(random: Dice): string {
  const groups = random.some(RHYMES, random.between(2, 4));
  const couplets = random.some(COUPLETS, groups.length);
  const name = random.pick(random.chance(0.5) ? GIRLS : BOYS);
  const slots = groups.map((group) => {
    const [one, two] = random.some(group, 2);
    return { one: one!, two: two!, name, colour: random.pick(COLOURS), trait: random.pick(TRAITS) };
  });
  const verses = couplets.map((couplet, i) => say(couplet, slots[i]!, random));
  return `${say(random.pick(TITLES), slots[0]!, random)}\n\n${verses.join(random.pick(["\n", "\n\n"]))}`;
}
