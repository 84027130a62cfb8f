/** Who lives in the sample stories, and where: words and what goes with them. Data only. */

/** An animal, what it looks like and lives in. */
export interface Kind {
  readonly name: string;
  readonly coats: string;
  readonly home: string;
}

export const KINDS: readonly Kind[] = [
  { name: "fox", coats: "[red|russet|sharp-eared]", home: "[a warm den|a dry den]" },
  { name: "hare", coats: "[brown|long-eared|swift]", home: "[a nest of grass|a snug hollow]" },
  { name: "mouse", coats: "[gray|tiny|soft-footed]", home: "[a hole under the roots|an old teapot|a crack in a wall]" },
  { name: "hedgehog", coats: "[round|prickly|brown]", home: "[a heap of dry leaves|a snug hollow]" },
  { name: "squirrel", coats: "[red|quick|bushy-tailed]", home: "[a hollow tree|a nest of twigs]" },
  { name: "badger", coats: "[striped|broad|black and white]", home: "[a deep burrow|a house of seven rooms]" },
  { name: "otter", coats: "[sleek|brown|whiskered]", home: "[a den in the river bank|a house of reeds]" },
  { name: "mole", coats: "[velvet|black|short-sighted]", home: "[a winding tunnel|a deep burrow]" },
  { name: "rabbit", coats: "[white|gray|soft-eared]", home: "[a neat burrow|a burrow with a green door]" },
  { name: "bear", coats: "[brown|shaggy|big-footed]", home: "[a cave full of blankets|a dry cave]" },
  { name: "cat", coats: "[striped|black|gray]", home: "[a small house with a blue door|a warm loft]" },
  { name: "dog", coats: "[spotted|brown|floppy-eared]", home: "[a small house with a red door|a kennel of oak]" },
  { name: "beaver", coats: "[brown|flat-tailed|busy]", home: "[a lodge of branches|a house of sticks and clay]" },
  { name: "dormouse", coats: "[golden|sleepy|tiny]", home: "[a nest of moss|an old boot]" },
  { name: "raccoon", coats: "[masked|gray|clever-pawed]", home: "[a hollow log|a house in a willow]" },
  { name: "goat", coats: "[white|bearded|brown]", home: "[a stone hut|a shed with a round window]" },
];

/** A village: two friends who live there, an old one who gives advice, and what belongs to them. */
export interface Village {
  readonly name: string;
  readonly he: readonly [name: string, kind: string];
  readonly she: readonly [name: string, kind: string];
  readonly elder: readonly [name: string, isHe: boolean];
  readonly thing: string;
  readonly food: string;
  /** Where the friends live. */
  readonly place: string;
}

/** Who and what belongs together never changes, so that a small model learns in minutes to tell one story at a time. */
export const VILLAGES: readonly Village[] = [
  {
    name: "Thornwood",
    he: ["Pip", "mouse"],
    she: ["Nell", "hedgehog"],
    elder: ["Grandmother Owl", false],
    thing: "brass key",
    food: "a basket of apples",
    place: "the old mill",
  },
  {
    name: "Greenhollow",
    he: ["Hugo", "badger"],
    she: ["Willa", "hare"],
    elder: ["Grandfather Toad", true],
    thing: "green lantern",
    food: "a jar of honey",
    place: "the hollow oak",
  },
  {
    name: "Pebble Valley",
    he: ["Otto", "otter"],
    she: ["Ivy", "cat"],
    elder: ["Uncle Heron", true],
    thing: "walnut boat",
    food: "a pan of onion pie",
    place: "the round pond",
  },
  {
    name: "Mossy Hill",
    he: ["Felix", "fox"],
    she: ["Hazel", "squirrel"],
    elder: ["Aunt Crow", false],
    thing: "silver bell",
    food: "a bag of acorns",
    place: "the pine forest",
  },
  {
    name: "Alderbrook",
    he: ["Bram", "beaver"],
    she: ["Tansy", "goat"],
    elder: ["Old Mother Tortoise", false],
    thing: "painted cup",
    food: "a wheel of yellow cheese",
    place: "the waterfall",
  },
  {
    name: "the Quiet Forest",
    he: ["Oren", "bear"],
    she: ["Mira", "dormouse"],
    elder: ["Master Raven", true],
    thing: "straw hat",
    food: "a dish of wild strawberries",
    place: "the birch wood",
  },
  {
    name: "Fernmere",
    he: ["Rufus", "dog"],
    she: ["Dora", "rabbit"],
    elder: ["Granny Goose", false],
    thing: "red scarf",
    food: "a loaf of warm bread",
    place: "the foggy marsh",
  },
  {
    name: "Mistwater",
    he: ["Milo", "raccoon"],
    she: ["Poppy", "mole"],
    elder: ["Mother Duck", false],
    thing: "tin trumpet",
    food: "a plum cake",
    place: "the bramble patch",
  },
  {
    name: "Larkfield",
    he: ["Finn", "hare"],
    she: ["Olive", "mouse"],
    elder: ["Old Father Stag", true],
    thing: "wooden whistle",
    food: "an armful of pears",
    place: "the high meadow",
  },
  {
    name: "the Blue Hills",
    he: ["Theo", "goat"],
    she: ["Luna", "fox"],
    elder: ["Madam Magpie", false],
    thing: "glass marble",
    food: "a bowl of chestnut soup",
    place: "the windy hill",
  },
  {
    name: "Honeydown",
    he: ["Tobin", "hedgehog"],
    she: ["Clover", "bear"],
    elder: ["Old Father Boar", true],
    thing: "yellow ribbon",
    food: "a pot of berry jam",
    place: "the apple orchard",
  },
  {
    name: "Stony Bridge",
    he: ["Barley", "squirrel"],
    she: ["Rosa", "otter"],
    elder: ["Master Beetle", true],
    thing: "copper spoon",
    food: "a sack of walnuts",
    place: "the crossroads",
  },
];

/** Places as "the old mill" and where one is there. */
export const PLACES: readonly (readonly [the: string, at: string])[] = [
  ["the old mill", "by the old mill"],
  ["the hollow oak", "under the hollow oak"],
  ["the river", "by the river"],
  ["the stone bridge", "near the stone bridge"],
  ["the birch wood", "in the birch wood"],
  ["the apple orchard", "behind the apple orchard"],
  ["the round pond", "beside the round pond"],
  ["the high meadow", "in the high meadow"],
  ["the foggy marsh", "at the edge of the foggy marsh"],
  ["the waterfall", "below the waterfall"],
  ["the windy hill", "on the windy hill"],
  ["the ruined tower", "near the ruined tower"],
  ["the bramble patch", "behind the bramble patch"],
  ["the wishing well", "beside the wishing well"],
  ["the pine forest", "in the pine forest"],
  ["the crossroads", "near the crossroads"],
];

/** Food as "a jar of honey", "the honey", and whether it is "they". */
export const FOODS: readonly (readonly [a: string, the: string, plural: boolean])[] = [
  ["a basket of apples", "the apples", true],
  ["a jar of honey", "the honey", false],
  ["a loaf of warm bread", "the bread", false],
  ["a bag of acorns", "the acorns", true],
  ["a pot of berry jam", "the jam", false],
  ["a bowl of chestnut soup", "the soup", false],
  ["a wheel of yellow cheese", "the cheese", false],
  ["a sack of walnuts", "the walnuts", true],
  ["a plum cake", "the cake", false],
  ["a dish of wild strawberries", "the strawberries", true],
  ["an armful of pears", "the pears", true],
  ["a pan of onion pie", "the pie", false],
];

/** A season: how its mornings begin a story, and what the weather does. */
export interface Season {
  readonly name: string;
  readonly mornings: readonly string[];
  readonly weather: readonly string[];
}

export const SEASONS: readonly Season[] = [
  {
    name: "spring",
    mornings: ["one bright spring morning", "one morning in April", "on the first warm day of the year"],
    weather: [
      "The [snow had melted|ice was gone], and the streams were [loud|full|quick and cold].",
      "Violets were opening [under the hedges|along the path], and the air smelled of wet earth.",
      "A soft rain had fallen in the night, and every [leaf|twig|blade of grass] held a drop of light.",
      "The cuckoo called from the [wood|hill], and the wind was [mild|gentle].",
      "White clouds were sailing over the hills like [ships|sheep|washing on a line].",
    ],
  },
  {
    name: "summer",
    mornings: ["one hot summer morning", "one morning in July", "on the longest day of the year"],
    weather: [
      "The sun was high, and the bees were [humming|busy] in the clover.",
      "It had not rained for [seven days|two weeks|a month], and the grass was [yellow|dry as straw].",
      "The air was [warm|still|golden], and the swallows flew [low|high] over the water.",
      "Poppies were nodding in the wheat, and the road was [white with dust|warm under the paws].",
      "The crickets were singing [in the tall grass|all at once], and nobody was in a hurry.",
    ],
  },
  {
    name: "autumn",
    mornings: ["one misty autumn morning", "one morning in October", "when the leaves began to fall"],
    weather: [
      "The leaves were turning [red and gold|yellow], and the [wild geese|swallows] were flying south.",
      "Mist lay [in the valley|over the fields], and the spiders had hung their webs with pearls.",
      "The wind shook the trees, and [acorns|chestnuts] rattled down like rain.",
      "The days were growing short, and everyone was [gathering wood|filling the cellar|mending the roof].",
      "It smelled of [smoke|apples|wet leaves], and the evenings came early.",
    ],
  },
  {
    name: "winter",
    mornings: ["one cold winter morning", "one morning in January", "on the shortest day of the year"],
    weather: [
      "Snow lay [deep|thick and white] on the [roofs|fields|branches], and the pond was frozen.",
      "The frost had painted [ferns|stars|feathers] on every window.",
      "The wind came from the north, and it [whistled under the door|had teeth].",
      "Icicles hung from the eaves, and the world was very [quiet|still|white].",
      "The sky was gray as [a goose|slate|old wool], and more snow was on its way.",
    ],
  },
];

export const JOYS =
  "[the smell of rain|warm bread|stories by the fire|counting the stars|the sound of the river|long walks|sleeping late|singing to the moon|the color of the evening sky|drawing pictures in the sand|jumping over puddles|the first snow]";

/** Small things that happen beside the story, in any season. */
export const ASIDES: readonly string[] = [
  "A [robin|wren|magpie] was singing [on the gate|in the hedge|on a fence post].",
  "Somewhere a [door|shutter|gate] was banging in the wind.",
  "The clock in the tower struck [seven|eight|nine].",
  "Smoke rose from the chimneys of {village}.",
  "An old cart rolled by, [full of hay|full of barrels|pulled by a sleepy donkey].",
  "A [beetle|snail] crossed the road and did not look up.",
  "The postman, a [thin stork|fat pigeon], flew over the roofs with his bag.",
  "Two sparrows were quarreling over a [crumb|feather|straw].",
  "From the bakery came the smell of [fresh bread|cinnamon|burnt sugar].",
  "Far away somebody was chopping wood.",
  "The miller's children were [laughing|shouting|playing] behind the wall.",
  "In the distance a [dog was barking|bell was ringing|cow was calling for her calf].",
  "The light came [slowly|softly] over the hills, as if it were still half asleep.",
  "Nobody in {village} knew yet what kind of day it would be.",
  "It was a day like many others, or so it seemed.",
  "{Elder} had already been awake for hours.",
];
