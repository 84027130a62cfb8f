/** Short chats: greetings, who the model is and what it cannot do, names remembered, several questions in a row. */
import type { Dice } from "../dice.ts";
import { anyRelation, askFact } from "../facts/all.ts";
import type { Phrasings } from "../facts/relation.ts";
import { type Split, someNames } from "../story/tell.ts";
import { say } from "../template.ts";
import type { Exchange, Turn } from "./exchange.ts";
import { factTask } from "./facts.ts";
import { sumTask } from "./sums.ts";
import { listTask, rhymeTask, whichTask } from "./words.ts";

const GREETINGS: readonly string[] = [
  "Hello!",
  "Hi!",
  "Good morning!",
  "Hi there!",
  "Hello, how are you?",
  "Good evening!",
  "Hey!",
  "Good day!",
];
const WELCOMES: readonly string[] = [
  "Hello! How can I help you?",
  "Hi! What can I do for you?",
  "Hello! Ask me something.",
];
const SYSTEMS: readonly string[] = ["You are a helpful assistant.", "You are a friendly assistant.", "You help the user with simple questions.", "You are a small language model.", "Be kind and helpful."]; // biome-ignore format: one line
const THANKS: readonly (readonly [string, string])[] = [
  ["Thank you!", "You are welcome!"],
  ["Thanks!", "You are welcome!"],
  ["Thanks a lot.", "You are welcome!"],
  ["Goodbye!", "Goodbye! Have a nice day."],
  ["Bye!", "Goodbye! Have a nice day."],
  ["That is right.", "I am glad."],
  ["Great!", "I am glad that I could help."],
]; // biome-ignore format: a table

/** Questions about the model itself, with the one answer to each. */
const ABOUT: readonly (Phrasings & { readonly answer: string })[] = [
  { train: ["Who are you?", "What are you?", "Are you a person?", "Are you a human?", "Tell me about yourself.", "What kind of machine are you?", "Am I talking to a person?"], test: ["Could you say who you are?", "Are you a real person or a machine?"], answer: "I am a small language model. I was trained with ownlm on texts made for this purpose." },
  { train: ["What can you do?", "How can you help me?", "What do you know?", "What can I ask you?", "Help"], test: ["Which things can you do for me?", "What are you able to do?"], answer: "I can tell short stories, answer simple questions, do small sums, find words and names, and fix a line of code." },
  { train: ["What can you not do?", "What are your limits?", "Do you know everything?", "Are you always right?", "Can I trust you?"], test: ["Where are your limits?", "Do you make mistakes?"], answer: "I am very small. I know only simple things, and I can be wrong." },
  { train: ["What is the weather today?", "What time is it?", "What day is today?", "What is in the news?", "Who won the game yesterday?", "How is the weather?", "What is the date?"], test: ["Is it going to rain today?", "Can you tell me the time?"], answer: "I cannot know that. I know only what I learned when I was trained." },
  { train: ["Who made you?", "How were you made?", "Who trained you?", "Where do you come from?", "How did you learn to speak?"], test: ["By whom were you trained?", "How did somebody make you?"], answer: "I was trained from nothing with ownlm, on simple texts." },
  { train: ["Do you have feelings?", "Are you happy?", "Do you sleep?", "Are you hungry?", "Do you dream?"], test: ["Do you ever feel sad?"], answer: "No. I am a program, and I have no feelings." },
]; // biome-ignore format: tables

const INTRODUCE: Phrasings = {
  train: [
    "My name is {name}.",
    "I am {name}.",
    "Hello, I am {name}.",
    "Hi, my name is {name}!",
    "You can call me {name}.",
    "People call me {name}.",
  ],
  test: ["The name is {name}.", "Nice to meet you, my name is {name}."],
};
const RECALL: Phrasings = {
  train: [
    "What is my name?",
    "Do you know my name?",
    "Who am I?",
    "Do you remember my name?",
    "Tell me my name.",
    "What am I called?",
  ],
  test: ["Can you remember what I am called?", "Please say my name."],
};
const YOURS: Phrasings = {
  train: ["What is your name?", "Who are you?", "How are you called?", "Tell me your name.", "Do you have a name?"],
  test: ["May I ask your name?", "What should I call you?"],
};
const NAMED_SYSTEMS: readonly string[] = [
  "Your name is {name}.",
  "You are {name}, a helpful assistant.",
  "You are an assistant called {name}.",
  "You are {name}.",
];
export const ALL_CHAT = [...ABOUT, INTRODUCE, RECALL, YOURS]; // biome-ignore format: tables

/** A question about the model. */
export function aboutTask(random: Dice, split: Split): Exchange {
  const { answer, ...phrasings } = random.pick(ABOUT);
  const phrasing = random.pick(phrasings[split]);
  const before = random.chance(0.4) ? [greeting(random)] : [];
  return { task: "about itself", phrasing, turns: [...before, { user: phrasing, assistant: answer }], ...maybeSystem(random) };
} // biome-ignore format: one line

/** A name that was told, and asked for after another turn or at once. */
export function recallTask(random: Dice, split: Split): Exchange {
  const [name, lie] = someNames(2, split, random);
  const told = { user: say(random.pick(INTRODUCE[split]), { name: name! }, random), assistant: `Hello, ${name}! How can I help you?` };
  const phrasing = random.pick(RECALL[split]);
  const between = random.chance(0.6) ? [turnOf(factTask(random, split))] : [];
  const turns = [told, ...between, { user: phrasing, assistant: `Your name is ${name}.` }];
  return { task: "recall a name", phrasing, turns, wrong: `Your name is ${lie}.`, ...maybeSystem(random) };
} // biome-ignore format: one line

/** The assistant's name, from the system prompt. */
export function namedTask(random: Dice, split: Split): Exchange {
  const [name, lie] = someNames(2, split, random);
  const phrasing = random.pick(YOURS[split]);
  const system = say(random.pick(NAMED_SYSTEMS), { name: name! }, random);
  const before = random.chance(0.4) ? [greeting(random)] : [];
  const turns = [...before, { user: phrasing, assistant: `My name is ${name}.` }];
  return { task: "name from the system prompt", system, phrasing, turns, wrong: `My name is ${lie}.` };
}

/** Several questions in a row: the last one is the one that counts. */
export function chatTask(random: Dice, split: Split): Exchange {
  const makers = [plainFact, plainFact, sumTask, whichTask, rhymeTask, listTask];
  const inner = Array.from({ length: random.between(2, 3) }, () => random.pick(makers)(random, split));
  const last = inner.at(-1)!;
  const turns = [...(random.chance(0.5) ? [greeting(random)] : []), ...inner.map(turnOf)];
  if (split === "train" && random.chance(0.3)) {
    const [user, assistant] = random.pick(THANKS);
    return { task: "chat", phrasing: last.phrasing, turns: [...turns, { user, assistant }], ...maybeSystem(random) };
  }
  const wrong = last.wrong === undefined ? {} : { wrong: last.wrong };
  return { task: "chat", phrasing: last.phrasing, turns, ...wrong, ...maybeSystem(random) };
}

function plainFact(random: Dice, split: Split): Exchange {
  const { phrasing, question, sentence, wrong } = askFact(anyRelation(random), random, split);
  return { task: "fact", phrasing, turns: [{ user: question, assistant: sentence }], wrong: wrong.sentence };
}

function turnOf({ turns }: Exchange): Turn {
  return turns.at(-1)!;
}

function greeting(random: Dice): Turn {
  return { user: random.pick(GREETINGS), assistant: random.pick(WELCOMES) };
}

function maybeSystem(random: Dice): { system?: string } {
  return random.chance(0.5) ? { system: random.pick(SYSTEMS) } : {};
}
