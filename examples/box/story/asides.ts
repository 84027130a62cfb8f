/** How stories begin, and small things on the way that fit the state of the world. Data only. */
import type { Aside } from "./quest.ts";

export const OPENINGS: readonly string[] = [
  "Once upon a time there was a {trait} {kind} named {hero}.",
  "Once there was a {trait} [little|young] {kind} called {hero}.",
  "There was once a {trait} {kind} whose name was {hero}.",
  "{Hero} was a {trait} {kind} who lived in {home}.",
  "In {home} lived a {trait} {kind} named {hero}.",
  "This is the story of a {trait} {kind} called {hero}.",
  "A {trait} {kind} named {hero} lived in {home}.",
  "[Long ago|Not long ago], in {home}, there lived a {trait} {kind} called {hero}.",
  "Do you know {hero}? {Hero} was a {trait} {kind} from {home}.",
];
/** One of them may follow the first sentence. */
export const HABITS: readonly string[] = [
  "{He} liked to [sing|draw|run|read|sleep late|climb trees|count stars].",
  "{He} had [two brothers|three sisters|a brother and a sister|no brothers and no sisters].",
  "{He} was {age} years old and [very|a little] {trait2}.",
  "Every evening {he} looked at the [moon|stars] before {he} went to bed.",
  "Most of all {he} liked {meal0}.",
  "{He} was always {trait2}, and everyone liked {him}.",
  "{He} could whistle with two fingers, and {he} was {trait2}.",
  "In the morning {he} was the first to wake up.",
];
export const OWNS: readonly string[] = [
  "{He} had {a colour} {thing}.",
  "{His} favourite thing was {a colour} {thing}.",
  "For {his} birthday {he} had got {a colour} {thing}.",
  "{He} owned {a colour} {thing}, a gift from {his} grandmother.",
  "The best thing that {he} had was {a colour} {thing}.",
];

const outside = (at: string) => at !== "home";

export const ASIDES: readonly Aside[] = [
  { when: ({ weather }) => weather === "sunny", say: ["It was so warm that even the cats were lazy.", "A yellow butterfly flew by.", "The sun tickled {his} nose."] },
  { when: ({ weather }) => weather === "windy", say: ["A leaf flew past like a little ship.", "The wind pulled at {his} hair.", "Somewhere a door banged in the wind."] },
  { when: ({ weather }) => weather === "cloudy", say: ["One of the clouds looked like a sheep.", "Now and then a cloud covered the roofs in shadow."] },
  { when: ({ weather }) => weather === "foggy", say: ["In the fog every tree looked like a giant.", "Far away a horn sounded in the fog."] },
  { when: ({ weather }) => weather === "snowy", say: ["{His} nose was red from the cold.", "Here and there a bird had left its tracks in the snow."] },
  { when: ({ at, weather }) => outside(at) && weather !== "rainy", say: ["A blackbird was singing on a fence.", "A snail crossed the path and did not hurry.", "From far away came the sound of a church clock.", "Two sparrows were fighting over a crumb.", "A dog barked somewhere.", "It smelled of [grass|earth|smoke]."] },
  { when: ({ thing }) => thing === "hero", say: ["{He} held the {thing} [tight|with one hand].", "The {thing} looked [fine|new] in the light.", "Nobody else had such a {thing}."] },
  { when: ({ friend }) => friend, say: ["{Friend} told a joke about [a cow|two frogs|a snail], and both of them laughed.", "{Friend} hummed a song.", "{Hero} and {friend} looked at each other and grinned."] },
  { when: () => true, say: ["It was a day like no other.", "{Hero} thought about it for a moment.", "Nobody said anything for a while."] },
]; // biome-ignore format: data

export const SLOT_LISTS: Readonly<Record<string, readonly string[]>> = {
  trap: ["in a thorn bush", "in a deep hole", "between two stones", "high up in a tree", "under a heavy branch", "in a fence", "in the mud", "under a root"],
  odd: ["an old shoe", "a rusty nail", "a wet sock", "a broken cart wheel", "a sleeping cat", "a heap of leaves", "a snail without a hurry"],
  spot: ["under a bush", "behind a big stone", "between two roots", "in the tall grass", "on a bench", "under some leaves", "beside a tree stump", "on a low branch", "in a dry ditch"],
  plant: ["sunflower", "pumpkin", "bean plant", "tomato plant", "rose bush", "cucumber plant", "poppy", "pea plant"],
  building: ["tree house", "raft", "hut", "bird house", "tent", "tower", "bridge of wood", "den", "swing"],
  stuff: ["boards and nails", "branches and rope", "stones and clay", "old boxes", "wood and string", "sticks and blankets"],
  ingredient: ["sugar", "butter", "milk", "flour", "honey", "cream", "cinnamon", "salt"],
  art: ["juggle", "dance on one leg", "whistle like a bird", "walk on a rope", "tie a sailor's knot", "skip stones on the water", "stand on one hand", "paint a horse", "do a card trick", "climb a rope"],
  medicine: ["soup", "sleep", "tea", "rest"],
}; // biome-ignore format: data

/** What one may fear, and what one learns against it. */
export const DREADS: readonly (readonly [dread: string, skill: string])[] = [
  ["deep water", "swim"],
  ["the dark", "explore the dark cave"],
  ["high places", "climb the big tree"],
  ["big dogs", "stroke a big dog"],
  ["thunder", "listen to the thunder"],
  ["strangers", "say hello to strangers"],
  ["the stage", "sing in front of everyone"],
  ["horses", "ride a horse"],
  ["ice", "skate on the ice"],
  ["spiders", "hold a spider"],
];
/** What shows the way, and how it was once explained. */
export const GUIDES: readonly (readonly [guide: string, tip: string])[] = [
  ["river", "follow the river, and it will bring you to people."],
  ["bright star", "walk toward the bright star, for it stands over our roof."],
  ["stone wall", "keep one hand on the stone wall, and you will come home."],
  ["sound of the mill", "listen for the sound of the mill when you are lost."],
  ["smoke", "where there is smoke, there is a fire and somebody beside it."],
  ["moon", "keep the moon behind you on the way home."],
  ["cart tracks", "cart tracks always lead to a house."],
];
