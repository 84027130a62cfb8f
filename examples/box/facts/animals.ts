/** Facts about animals: young, sounds, homes, kinds, legs, food. Data only. */
import { pairs, type Relation } from "./relation.ts";

const KINDS: readonly (readonly [kind: string, animals: string])[] = [
  ["mammal", "dog|cat|cow|horse|pig|sheep|goat|mouse|rabbit|fox|wolf|bear|lion|tiger|elephant|whale|dolphin|bat|monkey|camel|giraffe|zebra|hedgehog|squirrel|otter|badger|mole|kangaroo"],
  ["bird", "duck|hen|goose|owl|eagle|penguin|sparrow|robin|crow|swan|parrot|pigeon|stork|ostrich|rooster|seagull"],
  ["fish", "salmon|trout|shark|goldfish|tuna|herring|carp"],
  ["insect", "bee|ant|fly|butterfly|beetle|wasp|mosquito|ladybird|grasshopper|moth"],
  ["reptile", "snake|lizard|crocodile|turtle|tortoise"],
  ["amphibian", "frog|toad|newt"],
]; // biome-ignore format: a table

/** Every animal, and its kind. */
export const ANIMAL_KINDS: readonly (readonly [animal: string, kind: string])[] = KINDS.flatMap(([kind, animals]) =>
  animals.split("|").map((animal): [string, string] => [animal, kind]),
);

const LEGS: Readonly<Record<string, string>> = { mammal: "four", bird: "two", fish: "no", insect: "six" };
/** What differs from its kind; undefined where people count in different ways. */
const OTHER_LEGS = new Map([["whale", "no"], ["dolphin", "no"], ["bat", "two"], ["monkey", undefined], ["kangaroo", undefined]]); // biome-ignore format: a table

export const ANIMAL_RELATIONS: readonly Relation[] = [
  {
    name: "young",
    pairs: pairs("dog: puppy, cat: kitten, cow: calf, horse: foal, sheep: lamb, goat: kid, pig: piglet, hen: chick, duck: duckling, goose: gosling, lion: cub, bear: cub, frog: tadpole, deer: fawn, swan: cygnet, kangaroo: joey, owl: owlet, eagle: eaglet, fox: cub, elephant: calf, whale: calf, butterfly: caterpillar, wolf: cub, rabbit: kit, seal: pup"),
    told: {
      train: ["A young {a} is called {a b}.", "A baby {a} is {a b}.", "The young of {a a} is {a b}.", "We call a young {a} {a b}.", "{A a} has a baby, and the baby is {a b}.", "When {a a} is very young, it is {a b}.", "The name for a baby {a} is {b}."],
      test: ["The baby of {a a} is called {a b}.", "Before it grows up to be {a a}, it is {a b}."],
    },
    asked: {
      train: ["What is a young {a} called?", "What is a baby {a} called?", "What do we call a young {a}?", "What is the young of {a a}?", "What is the name for a baby {a}?", "Tell me the word for a young {a}.", "How do you call a baby {a}?", "A baby {a} is called what?"],
      test: ["What do you call the baby of {a a}?", "What is the word for a baby {a}?", "Can you tell me what a young {a} is called?"],
    },
    answer: "A young {a} is called {a b}.",
  },
  {
    name: "sound",
    pairs: pairs("dog: barks, cat: meows, cow: moos, sheep: bleats, horse: neighs, pig: grunts, duck: quacks, hen: clucks, rooster: crows, lion: roars, wolf: howls, frog: croaks, bee: buzzes, snake: hisses, owl: hoots, mouse: squeaks, goose: honks, donkey: brays, bear: growls, pigeon: coos, elephant: trumpets, crow: caws"),
    told: {
      train: ["{A a} {b}.", "The {a} {b}.", "Every {a} {b}.", "When it wants to be heard, {a a} {b}.", "Listen! The {a} {b}.", "{A a} in the morning often {b}.", "What does {a a} do when it is loud? It {b}."],
      test: ["If you listen to {a a}, you hear that it {b}.", "To make a sound, {a a} {b}."],
    },
    asked: {
      train: ["What sound does {a a} make?", "What does {a a} do when it is loud?", "How does {a a} sound?", "Which sound does the {a} make?", "What noise does {a a} make?", "Tell me the sound of {a a}.", "What do you hear from {a a}?", "What noise comes from {a a}?"],
      test: ["Which noise does {a a} make?", "What is the sound of {a a}?", "Tell me how {a a} sounds."],
    },
    answer: "{A a} {b}.",
  },
  {
    name: "home",
    pairs: pairs("bird: nest, bee: hive, spider: web, dog: kennel, horse: stable, rabbit: burrow, fox: den, pig: sty, hen: coop, bear: cave, lion: den, ant: anthill, beaver: lodge, cow: barn, mole: tunnel, squirrel: nest"),
    told: {
      train: ["{A a} lives in {a b}.", "The home of {a a} is {a b}.", "At night {a a} sleeps in {a b}.", "You can find {a a} in {a b}.", "{A b} is the home of {a a}.", "{A a} has {a b} for a home.", "In the evening the {a} goes home to its {b}."],
      test: ["If you look for {a a}, look in {a b}.", "{A a} is at home in {a b}."],
    },
    asked: {
      train: ["Where does {a a} live?", "What is the home of {a a}?", "In what does {a a} live?", "Where does {a a} sleep?", "What do we call the home of {a a}?", "Where is {a a} at home?", "Name the home of {a a}.", "Where can you find {a a}?"],
      test: ["What home does {a a} have?", "Tell me where {a a} lives.", "In which place does {a a} live?"],
    },
    answer: "{A a} lives in {a b}.",
  },
  {
    name: "kind",
    pairs: ANIMAL_KINDS,
    told: {
      train: ["{A a} is {a b}.", "The {a} is {a b}.", "Every {a} is {a b}.", "{A a} is an animal, and it is {a b}.", "The {a} belongs with every other {b}.", "Of all animals, the {a} is {a b}.", "One example of {a b} is the {a}."],
      test: ["We say that {a a} is {a b}.", "Among the animals, {a a} counts as {a b}."],
    },
    asked: {
      train: ["What kind of animal is {a a}?", "Which kind of animal is the {a}?", "Is {a a} a mammal, a bird, a fish or an insect?", "What is {a a}, a bird or a mammal or something else?", "Tell me what kind of animal {a a} is.", "What sort of animal is {a a}?", "To which group of animals does {a a} belong?", "The {a} is what kind of animal?"],
      test: ["What type of animal is {a a}?", "Which sort of animal is the {a}?", "Can you say what kind of animal {a a} is?"],
    },
    answer: "{A a} is {a b}.",
  },
  {
    name: "legs",
    pairs: ANIMAL_KINDS.flatMap(([animal, kind]): [string, string][] => {
      const legs = OTHER_LEGS.has(animal) ? OTHER_LEGS.get(animal) : LEGS[kind];
      return legs ? [[animal, legs]] : [];
    }).concat([["spider", "eight"], ["snake", "no"], ["lizard", "four"], ["frog", "four"], ["toad", "four"]]), // biome-ignore format: a table
    told: {
      train: ["{A a} has {b} legs.", "The {a} has {b} legs.", "Every {a} has {b} legs.", "Count the legs of {a a}, and you find that it has {b} legs.", "The number of legs of {a a} is simple: {b} legs.", "{A a} walks through life with {b} legs."],
      test: ["If you look at {a a}, you see {b} legs.", "On its body, {a a} has {b} legs."],
    },
    asked: {
      train: ["How many legs does {a a} have?", "How many legs has {a a}?", "What is the number of legs of {a a}?", "Count the legs of {a a}.", "Tell me how many legs {a a} has.", "{A a} has how many legs?", "Do you know how many legs {a a} has?"],
      test: ["How many legs does the {a} have?", "How many legs can you count on {a a}?"],
    },
    answer: "{A a} has {b} legs.",
  },
  {
    name: "food",
    pairs: pairs("cow: grass, horse: hay, rabbit: carrots, mouse: cheese, monkey: bananas, squirrel: nuts, bear: honey, panda: bamboo, bird: seeds, frog: flies, lion: meat, cat: fish, dog: bones, spider: insects, hedgehog: worms, sheep: grass, goat: leaves, penguin: fish, giraffe: leaves, owl: mice, koala: leaves, robin: worms"),
    told: {
      train: ["{A a} eats {b}.", "{A a} likes to eat {b}.", "The food of {a a} is {b}.", "The {a} is hungry and looks for {b}.", "Give {a a} some {b}, and it is happy.", "Most of all, {a a} likes {b}.", "For lunch, {a a} eats {b}."],
      test: ["What {a a} loves to eat is {b}.", "A hungry {a} wants {b}."],
    },
    asked: {
      train: ["What does {a a} eat?", "What does {a a} like to eat?", "What is the food of {a a}?", "Tell me what {a a} eats.", "What can I give {a a} to eat?", "What do you feed {a a}?", "Which food does {a a} like?", "What does the {a} eat?"],
      test: ["What food does {a a} eat?", "Which food is for {a a}?", "What would {a a} like to eat?"],
    },
    answer: "{A a} eats {b}.",
  },
]; // biome-ignore format: tables
