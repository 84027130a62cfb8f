/** Quests about others: a race, a new neighbour, a cake, a treasure, practice. Data only. */
import type { Quest } from "./quest.ts";

const RACE: Quest = {
  name: "race",
  titles: ["The Race", "Who Is Faster?", "{Hero} Runs a Race", "Slow and Steady"],
  summary: ["{Hero} boasts of being fast, takes a nap, and loses the race to {friend}.", "{Friend} wins the race, because {hero} falls asleep on the way."],
  weathers: ["sunny", "windy", "cloudy"],
  stages: [
    { say: ["{Hero} was fast, and {he} told everyone so.", "{He} could run faster than anyone else in the street, and {he} never forgot to mention it."] },
    { say: ["One {weather} {daytime}, {hero} met {friend}, {friendintro}, and laughed at {fhis} slow steps.", "On a {weather} {daytime}, {friend}, {friendintro}, said to {hero}, \"[Let us race|I will race you] to {place}!\""], sets: { friend: true }, paragraph: true },
    { say: ["{weatherline}"], often: 0.5 },
    { say: ['"You? You are as slow as a snail!" said {hero}. "We will see," said {friend}.', '"I will win with one eye closed," said {hero}.', "They agreed to run to {place}, and {elder} gave the sign."] },
    { say: ["\"Three, two, one, go!\" {Hero} shot away like an arrow, and {friend} walked.", "{Elder} clapped, and they began to run. Soon {hero} was far ahead."], paragraph: true },
    { say: ["{He} looked back. {Friend} was not to be seen. \"I have time,\" {he} thought, and lay down in the [shade|grass].", "Halfway there {hero} was [bored|sleepy] and sat down under a tree for a minute."], sets: { calm: false } },
    { say: ["The minute became an hour, because {hero} fell asleep.", "{His} eyes closed, and {he} slept and slept."] },
    { say: ["{Friend} did not stop once. Step by step, {fhe} went past {hero}.", "Meanwhile {friend} went on and on, not fast, but without a break."], paragraph: true },
    { say: ["When {hero} woke up, {he} ran as fast as {he} could. But {friend} was already {at}.", "{Hero} jumped up and ran, but it was too late: {friend} had won."], sets: { at: "place", calm: true } },
    { say: ['"[Well run|You won, and I was a fool]," said {hero}, and {he} shook hands with {friend}.', "{Hero} was ashamed, but {friend} did not laugh at {him}.", '"Next time stay awake," said {friend}, and both of them had to laugh.'] },
    { say: ["Since that day {hero} has not boasted, or only a little.", "They had {meal} together, and {hero} carried the plates."], often: 0.8, paragraph: true },
  ],
  lessons: ["Slow and steady is faster than fast and asleep.", "Do not boast before the end.", "Who goes on arrives."],
  questions: [
    ["Who won the race?", "{Friend} won the race.", "{friend}"],
    ["Why did {hero} lose?", "{Hero} lost because {he} fell asleep.", "{he} fell asleep"],
    ["Where did they run to?", "They ran to {place}.", "{place}"],
  ],
}; // biome-ignore format: data

const NEIGHBOUR: Quest = {
  name: "neighbour",
  titles: ["The New Neighbour", "{Friend} Is New Here", "Come and Play", "Hello, {friend}"],
  summary: ["{Friend} is new and alone, and {hero} asks {fhim} to play.", "{Hero} makes friends with {friend}, who has just moved in."],
  stages: [
    { say: ["One {weather} {daytime}, a cart full of boxes stopped next door. Behind it walked {friend}, {a ftrait} {fkind}.", "On a {weather} {daytime}, a new family moved in. The youngest was {friend}, {a ftrait} {fkind}."], sets: { friend: true }, paragraph: true },
    { say: ["{weatherline}"], often: 0.5 },
    { say: ["{Friend} knew nobody and sat on the steps [all alone|with {fhis} chin in {fhis} hands].", "The next day {friend} stood {at} and watched the others play. Nobody asked {fhim} to join."], sets: { calm: false } },
    { say: ['"Why does {friend} not talk to us?" {hero} asked {elder}. "[Because it is hard to be new|Because somebody else has to begin]," said {elder}.', "{Hero} remembered {his} own first day at school, when {his} stomach hurt."] },
    { say: ["So {hero} took two {food} and went over.", "{He} took a deep breath, went up to {friend}, and held out {his} hand."], paragraph: true },
    { say: ['"I am {hero}. Do you want to play?" {he} asked. {Friend} [nodded|smiled for the first time].', '"[We need one more for our game|Come, I will show you everything]," said {hero}, and {friend} jumped up.'], sets: { calm: true } },
    { say: ["They went to {place}, and {hero} showed {fhim} [the best hiding place|where the frogs live|a secret path].", "They played [hide and seek|catch|pirates] {at} until it grew dark."], sets: { at: "place" } },
    { say: ["{Friend} knew a game that nobody had heard of, and soon all the others wanted to learn it.", "It turned out that {friend} could [walk on {fhis} hands|tell ghost stories|imitate every bird]."], paragraph: true },
    { say: ["In the evening {friend} was not new any more.", '"Now I know somebody here," said {friend}. "[You know everybody|And I know you]," said {hero}.', "From then on there were always two of them on the steps."] },
  ],
  lessons: ["One of two has to say hello first.", "A stranger is a friend whom you have not met.", "Nobody stays new for long."],
  questions: [
    ["Who was new?", "{Friend} was new.", "{friend}"],
    ["Who asked {friend} to play?", "{Hero} asked {friend} to play.", "{hero}"],
  ],
}; // biome-ignore format: data

const CAKE: Quest = {
  name: "cake",
  titles: ["A Cake for {elder}", "No {ingredient} in the House", "{Hero} Bakes a Cake"],
  summary: ["{Hero} wants to bake a cake and has no {ingredient}, so {friend} brings some.", "{Hero} and {friend} bake a cake for {elder} together."],
  stages: [
    { say: ["One {weather} {daytime}, {hero} wanted to bake a cake for {elder}.", "It was a {weather} {daytime}, just right to bake a cake. The cake was meant for {elder}, who had been so kind."], paragraph: true },
    { say: ["{weatherline}"], often: 0.4 },
    { say: ["{He} [tied on an apron|washed {his} hands|rolled up {his} sleeves] and looked into the cupboard.", "{He} put a bowl on the table and read what {he} needed."] },
    { say: ["There was everything but {ingredient}. Not a bit of {ingredient} was left!", '"Oh dear," said {hero}. "There is no {ingredient}. A cake without {ingredient} is no cake."'], sets: { calm: false } },
    { say: ["So {he} ran to {friend}, {friendintro}, who lived two doors away.", "Then {he} knocked at the door of {friend}, {friendintro}."], sets: { friend: true }, paragraph: true },
    { say: ['"Do you have some {ingredient} for me?" asked {hero}. "[Of course|I have plenty], but I want to help," said {friend}.', "{Friend} had {ingredient}, and what was more, {fhe} had time."], sets: { calm: true } },
    { say: ["They [mixed and stirred|stirred until their arms were tired], and {friend} licked the spoon when {hero} was not looking.", "{Hero} stirred, {friend} poured, and there was flour on the floor, on the chairs and on their noses."] },
    { say: ["Half an hour later the whole house smelled of cake.", "They sat before the oven and watched the cake rise, little by little."] },
    { say: ["They carried it to {elder} [together|with four hands], slowly, so that it would not fall.", "{Elder} opened the door and saw two white noses and one big cake."], paragraph: true },
    { say: ["\"For me?\" said {elder}, and cut it into [six|eight|ten] pieces at once.", "They all had two pieces, and {elder} [sang a song|asked for a third]."] },
    { say: ["There was not a crumb left for the birds.", "\"Without {friend} it would have been a very flat cake,\" said {hero}."] },
  ],
  lessons: ["What you lack, a friend may have.", "Many hands bake a good cake.", "Ask, and you will be helped."],
  questions: [
    ["What was missing?", "{Ingredient} was missing.", "{ingredient}"],
    ["For whom was the cake?", "The cake was for {elder}.", "{elder}"],
    ["Who had {ingredient}?", "{Friend} had {ingredient}.", "{friend}"],
  ],
}; // biome-ignore format: data

const TREASURE: Quest = {
  name: "treasure",
  titles: ["The Treasure Map", "{Hero} Digs for Treasure", "A Map in the Attic"],
  summary: ["{Hero} and {friend} follow an old map to {place2} and find a box full of {food}.", "An old map leads {hero} and {friend} to a box, hidden long ago by {elder}."],
  weathers: ["sunny", "windy", "cloudy", "foggy"],
  stages: [
    { say: ["One {weather} {daytime}, {hero} found an old map in the attic. On it was a red cross.", "On a {weather} {daytime}, an old map fell out of the cupboard, right before the feet of {hero}."], paragraph: true },
    { say: ["{weatherline}"], often: 0.5 },
    { say: ["{He} ran to {friend}, {friendintro}, and unrolled it on the floor.", "{Friend}, {friendintro}, bent over the map. \"[That is {place}|I know that place]!\" {fhe} cried."], sets: { friend: true } },
    { say: ["They [took a spade|packed a spade and two sandwiches] and went to {place}.", "With a spade on {his} shoulder, {hero} went to {place}, and {friend} read the map."], sets: { at: "place" }, paragraph: true },
    { say: ["\"Twenty steps to the [north|south|east|west],\" read {friend}. {Hero} counted aloud.", "They dug {at}, but they found only {odd}."], sets: { calm: false } },
    { say: ["{Hero} wanted to go home. But {friend} turned the map around: they had held it upside down!", '"Wait," said {friend}. "This is not a tree, it is a [tower|cloud|sheep]. We are in the wrong place!"'] },
    { say: ["So they went to {place2} and dug again, [deeper this time|twenty steps from the wall|where the shadow ended].", "Now they went to {place2}, and this time the spade hit something hard."], sets: { at: "place2" }, paragraph: true },
    { say: ["It was a box with a rusty lid. Inside there were {food} in golden paper, and a letter.", "Out of the earth came a box. It was full of {food}, packed in tin, and there was a note."], sets: { calm: true } },
    { say: ["\"For those who do not give up,\" said the letter. It was written by {elder}!", "The note was from {elder}: \"Well done! The real treasure is that you looked for it together.\""] },
    { say: ["They shared the {food}, half for {hero} and half for {friend}.", "{Hero} and {friend} ate until they were full and hid the rest for others to find.", "Then they drew a new map, and a new red cross."], paragraph: true },
  ],
  lessons: ["Look at a map from both sides.", "Who does not give up finds something.", "The best treasure is somebody to look for it with."],
  questions: [
    ["What did {hero} find first?", "{Hero} found an old map.", "an old map"],
    ["What was in the box?", "There were {food} in the box.", "{food}"],
    ["Who had hidden the box?", "{Elder} had hidden the box.", "{elder}"],
    ["Who helped {hero} to dig?", "{Friend} helped {hero}.", "{friend}"],
  ],
}; // biome-ignore format: data

const PRACTICE: Quest = {
  name: "practice",
  titles: ["{Hero} Wants to {art}", "Ten Minutes a Day", "Practice", "{Hero} Tries Again"],
  summary: ["{Hero} learns to {art} by trying every day, with the help of {friend}.", "{Friend} shows {hero} how to {art}, and {hero} does not give up."],
  stages: [
    { say: ["One {weather} {daytime}, {hero} saw {friend}, {friendintro}, who could {art} like nobody else.", "On a {weather} {daytime}, {friend}, {friendintro}, showed everyone {at} how to {art}."], sets: { friend: true }, paragraph: true },
    { say: ["{weatherline}"], often: 0.4 },
    { say: ['"I want to {art} too," said {hero}. "[It looks so easy|Show me]!"', "{Hero} thought that it was easy, and {he} tried it at once."] },
    { say: ["But it went wrong, and everyone laughed.", "It did not work, not the first time and not the fifth.", "{He} tried until {his} face was red. It did not work at all."], sets: { calm: false } },
    { say: ['"I will never learn it," said {hero} and [threw {himself} into the grass|hid {his} face].', "{Hero} ran home and did not want to see anybody."], paragraph: true },
    { say: ['"Do you know how long it took me?" asked {friend}. "A whole [year|winter]. Ten minutes every day."', "{Friend} came after {him}. \"I could not do it either,\" {fhe} said. \"You only see the end of it, not the beginning.\""] },
    { say: ["So {hero} practised for ten minutes every day, and {friend} watched and gave {him} tips.", "From then on {he} practised each morning before breakfast."] },
    { say: ["After a week {he} could do it half. After a month {he} could do it well.", "The first days were hard. Then it became a little easier, and then a little more."], paragraph: true },
    { say: ["At the summer party {hero} stood before all the people {at}, and {he} could {art}!", "One day {friend} brought {elder} along, and {hero} showed {his} art without a mistake."], sets: { calm: true } },
    { say: ['"How did you do that?" asked {elder}. "Ten minutes a day," said {hero}, and winked at {friend}.', "Everyone clapped, and {friend} clapped the loudest.", "And the next time somebody failed, {hero} did not laugh, but sat down beside them."] },
  ],
  lessons: ["A little every day becomes a lot.", "Nobody can do it at the beginning.", "Do not laugh at those who are still learning."],
  questions: [
    ["What did {hero} want to learn?", "{Hero} wanted to learn to {art}.", "to {art}"],
    ["Who helped {hero} to practise?", "{Friend} helped {hero}.", "{friend}"],
    ["How long did {hero} practise every day?", "{Hero} practised for ten minutes every day.", "ten minutes"],
  ],
}; // biome-ignore format: data

export const MORE_QUESTS: readonly Quest[] = [RACE, NEIGHBOUR, CAKE, TREASURE, PRACTICE];
