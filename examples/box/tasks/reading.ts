/** Instructions on texts: continue, summarise in one line, extract the names, answer from the text. */
import type { Dice } from "../dice.ts";
import type { Phrasings } from "../facts/relation.ts";
import { anyName, type Split, someNames, tellStory } from "../story/tell.ts";
import { COLOURS, DAY_TIMES, FOODS, PLACES, THINGS, TRAITS } from "../story/world.ts";
import { capital, listed, say } from "../template.ts";
import { ask, type Exchange, other, single } from "./exchange.ts";

const P: Readonly<Record<string, Phrasings>> = {
  go: {
    train: ["Continue this story.\n\n{text}", "Continue: {text}", "How does this story go on?\n\n{text}", "Go on with this story: {text}", "Write the rest of this story.\n\n{text}", "Finish the story: {text}", "This is the beginning of a story. Tell me the rest.\n\n{text}"],
    test: ["Please continue the story that begins like this: {text}", "Here is how a story begins. What happens next?\n\n{text}"],
  },
  tell: {
    train: ["Tell me a story about {who}.", "Write a short story about {who}.", "Tell a story about {who}, please.", "I want to hear a story about {who}.", "Can you tell me a story about {who}?", "Make up a story about {who}.", "A story about {who}, please."],
    test: ["Please tell us a story with {who} in it.", "Would you write a little story about {who}?"],
  },
  short: {
    train: ["Summarise this story in one line.\n\n{text}", "Tell this story in one sentence.\n\n{text}", "What is this story about, in one line?\n\n{text}", "{text}\n\nSummarise this in one sentence.", "Give a summary in one line.\n\n{text}", "{text}\n\nIn one sentence, what happens?", "Make this short, one line only.\n\n{text}"],
    test: ["Please write one line that sums up this story.\n\n{text}", "{text}\n\nCan you summarise the story in a single line?"],
  },
  names: {
    train: ["Extract the names: {text}", "Which names are in this text? {text}", "List all names in this sentence: {text}", "Who is named here? {text}", "Write down the names in this text: {text}", "{text}\n\nExtract the names.", "Find the names: {text}", "Give me only the names in this: {text}"],
    test: ["Please extract every name from this text: {text}", "{text}\n\nWhich people are named in this text?"],
  },
  read: {
    train: ["{text}\n\n{q}", "Read this and answer. {text}\n\n{q}", "{text}\n\nQuestion: {q}", "Here is a story.\n\n{text}\n\n{q}", "Answer from the text.\n\n{text}\n\n{q}"],
    test: ["Use this text to answer the question.\n\n{text}\n\n{q}", "{text}\n\nNow tell me: {q}"],
  },
  title: {
    train: ["Give this story a title.\n\n{text}", "What is a good title for this story?\n\n{text}", "{text}\n\nWrite a title for this.", "Find a title: {text}"],
    test: ["How would you call this story?\n\n{text}"],
  },
}; // biome-ignore format: tables
export const ALL_READING = Object.values(P);

/** The rest of a story whose beginning is given. */
export function continueTask(random: Dice, split: Split): Exchange {
  const { paragraphs } = tellStory(random, split);
  const asked = ask(P.go!, { text: paragraphs[0]! }, random, split);
  return { ...single("continue", asked, paragraphs.slice(1).join("\n\n")), open: true };
}

/** A whole story about somebody. */
export function storyTask(random: Dice, split: Split): Exchange {
  const { text, slots } = tellStory(random, split);
  const who = random.pick(["{a kind} named {hero}", "{hero}", "{hero} and {friend}", "{a trait} {kind} called {hero}"]);
  const phrasing = random.pick(P.tell![split]);
  return { ...single("story", { phrasing, text: say(phrasing, { ...slots, who }, random) }, text), open: true };
}

/** A story in one line; wrong is the line with a stranger in it. */
export function summaryTask(random: Dice, split: Split): Exchange {
  const { text, summary, names } = tellStory(random, split);
  const here = random.pick(names.filter((name) => summary.includes(name)));
  const [stranger] = someNames(3, split, random).filter((name) => !names.includes(name));
  const wrong = summary.replaceAll(new RegExp(`\\b${here}\\b`, "g"), stranger!);
  return { ...single("summary", ask(P.short!, { text }, random, split), summary, wrong), open: true };
}

/** A title for a story. */
export function titleTask(random: Dice, split: Split): Exchange {
  const { text, title } = tellStory(random, split);
  return { ...single("title", ask(P.title!, { text }, random, split), title), open: true };
}

/** A question that a story answers. */
export function storyQuestionTask(random: Dice, split: Split): Exchange {
  const { text, questions, names } = tellStory(random, split);
  const [q, sentence, short] = random.pick(questions);
  const name = names.find((each) => each === short);
  const wrong = name ? `${other(names, name, random)}.` : undefined;
  if (wrong || random.chance(0.3))
    return single("read, briefly", ask(P.read!, { text, q: `${q} Answer briefly.` }, random, split), `${capital(short)}.`, wrong);
  return single("read", ask(P.read!, { text, q }, random, split), sentence);
} // biome-ignore format: one line

const MEETINGS: readonly string[] = [
  "{list} met {at} on {a colour} bench.",
  "{one} gave {two} {a colour} {thing}.",
  "Yesterday {list} went to {place}.",
  "{one} wrote a letter to {two} about the {thing}.",
  "In the {daytime}, {list} ate {food} {at}.",
  "{one} is very {trait}, and so is {two}.",
  "{list} are good friends.",
  "The {trait} {one} sang a song for {two}.",
  "At {place}, {one} waited for {two}, who was late.",
  "Nobody saw {one}, but everybody saw {two}.",
]; // biome-ignore format: data

/** The names in a sentence or two, in their order. */
export function namesTask(random: Dice, split: Split): Exchange {
  const sentences = [1, 2].slice(0, random.between(1, 2)).map(() => meeting(random, split));
  const text = sentences.map(([sentence]) => sentence).join(" ");
  const names = [...new Set(sentences.flatMap(([, inside]) => inside))];
  const wrong = [...names.slice(0, -1), other(someNames(4, split, random), names.at(-1)!, random)!];
  const asked = ask(P.names!, { text }, random, split);
  return single("names", asked, `${names.join(", ")}.`, names.join() === wrong.join() ? undefined : `${wrong.join(", ")}.`);
} // biome-ignore format: one line

function meeting(random: Dice, split: Split): [sentence: string, names: string[]] {
  const frame = random.pick(MEETINGS);
  const names = someNames(frame.includes("{list}") ? random.between(2, 4) : 2, split, random);
  const [place, at] = random.pick(PLACES);
  const slots = { list: listed(names), one: names[0]!, two: names[1]!, place, at, colour: random.pick(COLOURS), thing: random.pick(THINGS), food: random.pick(FOODS), daytime: random.pick(DAY_TIMES), trait: random.pick(TRAITS) }; // biome-ignore format: one line
  return [say(frame, slots, random), names];
}

/** A text about somebody, and a question that it answers. */
export function portraitTask(random: Dice, split: Split): Exchange {
  const { text, questions } = portrait(random, split);
  const [q, sentence] = random.pick(questions);
  return single("read", ask(P.read!, { text, q }, random, split), sentence);
}

const HAIR = ["brown", "black", "red", "blond", "white", "curly brown", "long black", "short red"];
const EYES = ["blue", "green", "brown", "grey"];
const LIKES = ["to read", "to swim", "to draw", "to dance", "to climb trees", "to cook", "to ride a bicycle", "to look at the stars", "to sing", "to play chess", "to sleep late", "to collect stones", "to fish", "to build things"]; // biome-ignore format: one line

/** A description of a person, and questions that it answers. */
export function portrait(random: Dice, split: Split): { text: string; questions: (readonly [string, string])[] } {
  const isHe = random.chance(0.5);
  const slots = {
    name: anyName(isHe, split, random), he: isHe ? "he" : "she", his: isHe ? "his" : "her",
    trait: random.pick(TRAITS), hair: random.pick(HAIR), eyes: random.pick(EYES), like: random.pick(LIKES), age: String(random.between(5, 80)),
    food: random.pick(FOODS), colour: random.pick(COLOURS), thing: random.pick(THINGS), place: random.pick(PLACES)[0],
  }; // biome-ignore format: a record
  const facts = random.some(FEATURES, random.between(3, 5));
  const first = say(random.pick(["{name} is {a trait} person.", "This is {name}, {a trait} person.", "Let me tell you about {name}.", "I know somebody called {name}."]), slots, random); // biome-ignore format: one line
  const text = [first, ...facts.map(([told]) => say(told, slots, random))].join(" ");
  return { text, questions: facts.map(([, question, answer]) => [say(question, slots, random), say(answer, slots, random)]) };
} // biome-ignore format: one line

const FEATURES: readonly (readonly [told: string, question: string, answer: string])[] = [
  ["{He} has {hair} hair.", "What hair does {name} have?", "{Name} has {hair} hair."],
  ["{His} eyes are {eyes}.", "What colour are the eyes of {name}?", "The eyes of {name} are {eyes}."],
  ["{He} is {age} years old.", "How old is {name}?", "{Name} is {age} years old."],
  ["{He} likes {like}.", "What does {name} like to do?", "{Name} likes {like}."],
  ["Most of all {he} likes to eat {food}.", "What does {name} like to eat?", "{Name} likes to eat {food}."],
  ["{He} owns {a colour} {thing}.", "What does {name} own?", "{Name} owns {a colour} {thing}."],
  ["{He} lives near {place}.", "Where does {name} live?", "{Name} lives near {place}."],
]; // biome-ignore format: a table
