/** Who and what stories are about: names, animals, things, places, weather. Data only. */
import { CAPITALS } from "../facts/countries.ts";
import { TRANSLATED } from "../facts/words.ts";

const words = (text: string): readonly string[] => text.trim().split(/\s+/);
const list = (text: string): readonly string[] => text.split(",").map((each) => each.trim());

export const GIRLS =
  words(`Mia Anna Lily Rosa Emma Nora Ella Ida Clara Lucy Eva Zoe Maya Ruby Alice Jane Kate Mary Sara Sophie Tina Vera Wendy Amy Betty
  Carla Daisy Dora Elsa Flora Greta Hanna Iris Ivy Julia Lena Lola Lotte Luna Martha Molly Nina Olive Paula Penny Poppy Rita Sally Stella Tess`);
export const BOYS =
  words(`Ben Tom Max Leo Sam Tim Finn Paul Jack Hugo Otto Oscar Noah Jonas Felix Emil David Adam Alex Anton Bruno Carl Daniel Eric Frank
  Fred George Henry Ivan Jacob James Joe John Karl Lars Luke Mark Milo Nick Oliver Oren Peter Pip Ralph Simon Theo Toby Victor`);
/** In no text to train on. */
export const KEPT_GIRLS = words("Ada Bella Cora Edith Freya Hilda Juno Mabel Odette Thea");
export const KEPT_BOYS = words("Arlo Boris Conrad Edgar Gus Ned Percy Rufus Silas Walter");

/** Animals that can be somebody in a story. */
export const FOLK = words(
  "fox hare mouse hedgehog squirrel badger otter mole rabbit bear cat dog beaver goat duck frog",
);
export const TRAITS = list(
  "kind, brave, curious, shy, clever, cheerful, quiet, funny, careful, busy, friendly, dreamy, stubborn, gentle, lively, patient",
);

export const COLOURS = words("red blue green yellow white black brown pink orange purple silver golden");
/** Things that a story can be about. No story uses these words for anything else. */
export const THINGS = words(
  "kite ball boat doll drum hat scarf key lantern bell cup basket umbrella whistle bucket ribbon marble button mitten balloon flute puppet sled book",
);

/** Places, as `the river` and as where one is there. */
export const PLACES: readonly (readonly [the: string, at: string])[] = [
  ["the river", "by the river"],
  ["the park", "in the park"],
  ["the old mill", "behind the old mill"],
  ["the forest", "in the forest"],
  ["the beach", "on the beach"],
  ["the market", "at the market"],
  ["the hill", "on the hill"],
  ["the pond", "by the pond"],
  ["the garden", "in the garden"],
  ["the meadow", "in the meadow"],
  ["the bridge", "under the bridge"],
  ["the orchard", "in the orchard"],
  ["the farm", "on the farm"],
  ["the castle", "near the castle"],
  ["the harbour", "at the harbour"],
  ["the lake", "by the lake"],
  ["the playground", "on the playground"],
  ["the station", "near the station"],
];
export const HOMES = list(
  "a small house with a blue door, a house at the end of the street, a tiny cottage, a tall house full of stairs, a warm house with a garden wall, a house on a quiet lane, a village between two mountains, a little town, a village near the sea, a house under three tall trees, a farmhouse, a house made of stone",
);

export const FOODS = list(
  "apples, cherries, cookies, pears, plums, nuts, strawberries, pancakes, berries, sweets, rolls, buns",
);
export const MEALS = list(
  "warm soup, fresh bread, hot cocoa, apple pie, pancakes with jam, noodles, potato soup, porridge with honey, cheese and bread, a big plum cake",
);
export const PETS = words("kitten puppy lamb duckling bird hedgehog rabbit squirrel frog owl");
/** Grown-ups without a name, and whether they are "he". */
export const ELDERS: readonly (readonly [who: string, isHe: boolean])[] = [
  ["the baker", true],
  ["the old woman next door", false],
  ["the gardener", true],
  ["the teacher", false],
  ["the miller", true],
  ["the old man from the corner shop", true],
  ["the postman", true],
  ["the farmer's wife", false],
  ["the fisherman", true],
  ["the librarian", false],
];
/** Weather at the beginning: how the day is called, and a sentence that fits. */
export const WEATHERS: readonly (readonly [name: string, sentences: readonly string[]])[] = [
  ["sunny", ["The sun was [shining|bright|warm].", "There was [not a cloud|no cloud] in the sky.", "The [light|morning light] was [golden|soft and warm]."]],
  ["windy", ["The wind [blew|was blowing] through the [streets|trees|grass].", "The trees [bent|danced] in the wind.", "The wind [sang|whistled] around the houses."]],
  ["cloudy", ["[Grey|Heavy|Big grey] clouds hung [in the sky|over the roofs].", "The sky was [grey|the colour of old wool].", "The clouds moved slowly [to the east|over the hills]."]],
  ["foggy", ["[Fog lay|White fog lay] over the [fields|roofs|streets].", "Nobody could see [very far|more than ten steps] in the fog.", "The fog made everything [quiet|soft and grey]."]],
  ["snowy", ["[Snow lay|Thick snow lay] on the [roofs|branches|ground].", "Everything was [white|white and still] with snow.", "The snow [creaked|crunched] under every step."]],
]; // biome-ignore format: a table
export const DAY_TIMES = list("morning, afternoon, day");

const STARTS = words(
  "Ba Be Bo Da De Do Fa Fi Ga Go Ja Jo Ka Ki La Le Lo Ma Mi Mo Na Ne No Pa Pe Ra Ri Ro Sa Se Ta Te To Va Ve Wi Za Zo Tru Bri Kel Tal Fen Mor Wil",
);
const ENDS = words(
  "bo da do fa ga ka ki la li lo ma mi na ni no ra ri ro sa ta ti to va vi za len dor rik mon bel nor tin vin dra lin son",
);
const TAKEN = new Set([...[...GIRLS, ...BOYS, ...KEPT_GIRLS, ...KEPT_BOYS].map((name) => name.toLowerCase()), ...TRANSLATED, ...CAPITALS.flat().map((word) => word.toLowerCase()), "lemon"]); // biome-ignore format: one line
/** Every name that can be composed of two pieces: many enough that copying must be learnt. */
export const COMPOSED = STARTS.flatMap((start) => ENDS.map((end) => start + end)).filter(
  (name) => !TAKEN.has(name.toLowerCase()),
);
