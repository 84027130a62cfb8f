/** Descriptions of rooms, letters, and how things are done. */
import type { Dice } from "../dice.ts";
import { DAYS } from "../facts/order.ts";
import { anyName, type Split, someNames } from "../story/tell.ts";
import { COLOURS, FOODS, MEALS, PLACES, THINGS, TRAITS } from "../story/world.ts";
import { say } from "../template.ts";

const ROOMS = ["kitchen", "bedroom", "living room", "attic", "workshop", "classroom", "cellar", "library"];
const FURNITURE = ["table", "chair", "shelf", "bench", "cupboard", "desk", "sofa", "stool", "bed", "chest"];
const WHERE: readonly (readonly [where: string, ask: string])[] = [
  ["on", "What is on the {f}?"],
  ["under", "What is under the {f}?"],
  ["behind", "What is behind the {f}?"],
  ["beside", "What is beside the {f}?"],
];

/** A room with things in it, and questions that the text answers. */
export function room(random: Dice): { text: string; questions: (readonly [string, string])[] } {
  const furniture = random.some(FURNITURE, random.between(2, 4));
  const things = random.some(THINGS, furniture.length);
  const name = random.pick(ROOMS);
  const lines: string[] = [];
  const questions: (readonly [string, string])[] = [];
  furniture.forEach((f, i) => {
    const [where, ask] = random.pick(WHERE);
    const slots = {
      f,
      room: name,
      where,
      thing: things[i]!,
      colour: random.pick(COLOURS),
      fcolour: random.pick(COLOURS),
    };
    const template = i === 0 ? "In the {room} there is {a fcolour} {f}. [{Where} the {f} is {a colour} {thing}|{A colour} {thing} is {where} the {f}]." : "[There is {a fcolour} {f}, too|Next comes {a fcolour} {f}|Then there is {a fcolour} {f}|By the window is {a fcolour} {f}|Near the door is {a fcolour} {f}], and {where} it is {a colour} {thing}."; // biome-ignore format: one line
    lines.push(say(template, slots, random));
    questions.push([say(ask, slots, random), say("{A colour} {thing} is {where} the {f}.", slots, random)]);
    questions.push([say("What colour is the {f}?", slots, random), say("The {f} is {fcolour}.", slots, random)]);
  });
  return { text: lines.join(" "), questions };
}

const NEWS: readonly string[] = [
  "[Yesterday|Last {day}] I went to {place} and saw {a colour} {thing} [there|in a window].",
  "My [brother|sister] has {a colour} {thing} now and [is very proud|does not let anyone touch it].",
  "On {day} we ate {meal}, and I thought of you.",
  "It has been [raining|sunny|windy] here [for days|all week].",
  "We have a new neighbour. {Other} is very {trait}.",
  "I am reading a book about [the sea|stars|a brave dog|old castles].",
  "The cat [has three kittens|sleeps all day|caught a mouse].",
  "I can [swim|ride a bicycle|whistle|bake bread] now!",
  "{Other} and I built a [hut|raft|tower] {at}.",
  "In the garden the {food} are ripe.",
  "I found your {thing} [under the bed|behind the sofa]. Do you miss it?",
  "School was [hard|funny|boring] today.",
];
const WISHES: readonly string[] = ["When will you visit me?", "Please write soon.", "I hope that you are well.", "Come on {day}, if you can.", "What are you doing all day?", "Can you bring your {thing}?", "I miss you."]; // biome-ignore format: one line

/** A letter from one friend to another. */
export function letter(random: Dice, split: Split): string {
  const [to, from, other] = someNames(3, split, random);
  const slots = () => {
    const [place, at] = random.pick(PLACES);
    return { other: other!, place, at, day: random.pick(DAYS), thing: random.pick(THINGS), colour: random.pick(COLOURS), meal: random.pick(MEALS), food: random.pick(FOODS), trait: random.pick(TRAITS) }; // biome-ignore format: one line
  };
  const news = random.some(NEWS, random.between(2, 4)).map((line) => say(line, slots(), random));
  const wish = say(random.pick(WISHES), slots(), random);
  const end = random.pick(["Your friend", "Many greetings", "Love", "Yours", "Until soon"]);
  return `Dear ${to},\n\n${[...news, wish].join(" ")}\n\n${end},\n${from}`;
}

const HOW: readonly (readonly [what: string, steps: readonly string[]])[] = [
  ["make tea", ["boil water", "put the tea into a pot", "pour the water over the tea", "wait for [three|four|five] minutes", "pour the tea into a cup"]],
  ["plant a seed", ["dig a small hole", "put the seed into the hole", "cover it with earth", "give it water", "wait until a green tip comes out"]],
  ["wash your hands", ["turn on the water", "take the soap", "rub your hands for [twenty|thirty] seconds", "rinse them", "dry them with a towel"]],
  ["write a letter", ["take paper and a pen", "write the name of your friend", "tell what is new", "sign with your name", "put the letter into an envelope"]],
  ["bake bread", ["mix flour, water and salt", "knead the dough", "let it rest for [one hour|two hours]", "put it into the oven", "take it out when it is brown"]],
  ["cross the street", ["stop at the edge", "look to the left and to the right", "listen for cars", "wait until nothing comes", "walk to the other side"]],
  ["make a sandwich", ["cut two slices of bread", "put butter on them", "add some cheese", "put one slice on the other", "cut it in half"]],
  ["go to bed", ["put on your pyjamas", "brush your teeth", "read a page or two", "turn off the lamp", "close your eyes"]],
  ["build a paper ship", ["fold the paper in the middle", "fold two corners to the centre", "fold up the lower edges", "open the middle", "pull the two ends apart"]],
  ["paint a fence", ["clean the wood", "stir the paint", "begin at the top", "let it dry for [a day|one night]", "paint it a second time"]],
]; // biome-ignore format: a table

/** How something is done, step by step. */
export function howTo(random: Dice, split: Split): string {
  const [what, steps] = random.pick(HOW);
  const words = [
    "[First|To begin], ",
    "[Then|Next|After that], ",
    "[Then|Next|Now], ",
    "[After that|Then], ",
    "[Finally|At last|In the end], ",
  ];
  const name = anyName(random.chance(0.5), split, random);
  const first = say("[How do you {what}?|{name} wants to {what}.|This is how you {what}.|How to {what}|Do you want to {what}? {name} knows how.|{name} asks how to {what}.|Let me show {name} how to {what}.]", { what, name }, random); // biome-ignore format: one line
  if (random.chance(0.5))
    return `${first}\n\n${steps.map((step, i) => `${i + 1}. ${say(step, {}, random)}.`).join("\n")}`;
  return `${first} ${steps.map((step, i) => say(`${words[i]}${step}.`, {}, random)).join(" ")}`;
}
