/** Words by what they are, and words that rhyme. Data only. */
import { ANIMAL_KINDS } from "../facts/animals.ts";
import { CAPITALS } from "../facts/countries.ts";
import { DAYS, MONTHS } from "../facts/order.ts";
import { COLOURS } from "../story/world.ts";

const words = (text: string): readonly string[] => text.split(" ");

/** `a fruit` and what is one. No word is in two lists. */
export const CATEGORIES: Readonly<Record<string, readonly string[]>> = {
  "an animal": ANIMAL_KINDS.map(([animal]) => animal),
  "a fruit": words("apple pear cherry plum grape lemon melon peach apricot mango kiwi banana strawberry"),
  "a vegetable": words("carrot potato onion cabbage leek radish spinach celery turnip cucumber"),
  "a colour": COLOURS.filter((colour) => colour !== "orange"),
  "a country": CAPITALS.map(([country]) => country).filter((country) => !country.includes(" ")),
  "a city": CAPITALS.map(([, city]) => city).filter((city) => !city.includes(" ")),
  "a day of the week": DAYS,
  "a month": MONTHS.filter((month) => month !== "May" && month !== "March"),
  "a tool": words("hammer saw drill spade rake axe screwdriver shovel pliers chisel"),
  "a piece of furniture": words("table chair bed sofa cupboard shelf desk stool wardrobe bench"),
  "something to wear": words("coat shirt sock shoe glove scarf sweater dress jacket trousers boots"),
  "something to drink": words("milk water tea juice coffee lemonade cocoa"),
  "a vehicle": words("car bus train bicycle tram lorry tractor ship aeroplane scooter"),
  "a part of the body": words("arm leg nose ear knee elbow shoulder finger toe chin hand"),
  "a musical instrument": words("violin piano trumpet guitar flute harp cello drum"),
  "a job": words("baker teacher doctor farmer pilot tailor painter carpenter dentist sailor"),
};

/** Words that rhyme with one another and with no word of another line. */
export const RHYMES: readonly (readonly string[])[] = [
  "cat hat mat rat bat", "dog fog log frog", "house mouse blouse", "tree sea key knee bee", "cake lake snake rake", "moon spoon tune balloon", "light night kite knight",
  "king ring string wing", "boat coat goat note", "bell shell well", "star car jar", "sun bun nun", "chair bear hare pear", "nose rose hose", "train lane chain plane",
  "ball wall hall shawl", "bed thread head shed", "book hook brook cook", "fish dish wish", "hill mill pill", "fly pie tie", "box fox ox", "hen pen den ten",
  "hand band stand", "crow bow toe", "duck truck", "pig wig twig", "ship chip lip", "door floor shore", "drum plum thumb", "sheep heap", "clown crown town",
].map(words); // biome-ignore format: a table
