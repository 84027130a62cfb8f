/** Facts of every day: colours, opposites, jobs, senses, shapes, materials. Data only. */
import { pairs, type Relation } from "./relation.ts";

/** Words and what is the opposite of them; read both ways. */
const OPPOSITES =
  pairs(`hot: cold, big: small, up: down, day: night, happy: sad, fast: slow, old: young, open: closed, full: empty, wet: dry, light: dark,
  hard: soft, high: low, left: right, near: far, good: bad, clean: dirty, early: late, loud: quiet, strong: weak, rich: poor, long: short, thick: thin,
  wide: narrow, black: white, in: out, over: under, begin: end, push: pull, give: take, buy: sell, win: lose, love: hate, sweet: sour, awake: asleep, true: false,
  first: last, brave: afraid, easy: difficult, safe: dangerous, deep: shallow, smooth: rough, sharp: blunt, laugh: cry, remember: forget,
  always: never, everything: nothing, before: after, inside: outside, question: answer, friend: enemy, summer: winter, north: south, east: west, polite: rude`);

export const EVERYDAY_RELATIONS: readonly Relation[] = [
  {
    name: "colour",
    pairs: pairs("banana: yellow, lemon: yellow, grass: green, sky: blue, snow: white, coal: black, blood: red, carrot: orange, frog: green, milk: white, tomato: red, strawberry: red, sun: yellow, sea: blue, chocolate: brown, cucumber: green, cherry: red, pumpkin: orange, flamingo: pink, crow: black, swan: white, salt: white, plum: purple, leaf: green, raspberry: red, elephant: grey, mouse: grey, wood: brown, bear: brown, pea: green"),
    told: {
      train: ["The colour of the {a} is {b}.", "The {a} is {b}.", "If you paint the {a}, use {b}.", "The {a} has the colour {b}.", "In most pictures the {a} is {b}.", "Look at the {a}: it is {b}.", "Everyone knows that the {a} is {b}."],
      test: ["Children draw the {a} in {b}.", "To paint the {a}, you need {b}.", "The right colour for the {a} is {b}."],
    },
    asked: {
      train: ["What colour is the {a}?", "Which colour is the {a}?", "What is the colour of the {a}?", "Which colour does the {a} have?", "Tell me the colour of the {a}.", "I want to paint the {a}. Which colour do I need?", "The {a} is what colour?", "Name the colour of the {a}."],
      test: ["What colour does the {a} have?", "Can you tell me what colour the {a} is?", "Which colour do I need to draw the {a}?"],
    },
    answer: "The {a} is {b}.",
  },
  {
    name: "opposite",
    pairs: [...OPPOSITES, ...OPPOSITES.map(([a, b]): [string, string] => [b, a])],
    told: {
      train: ["The opposite of {a} is {b}.", "{a} is the opposite of {b}.", "If it is not {a}, maybe it is {b}.", "{a} and {b} are opposites.", "Opposites: {a} and {b}.", "The opposite of the word {a} is {b}.", "Turn {a} around and you get {b}.", "Not {a}, but just the opposite: {b}."],
      test: ["The word that means the opposite of {a} is {b}.", "{a} has an opposite, and it is {b}."],
    },
    asked: {
      train: ["What is the opposite of {a}?", "Which word is the opposite of {a}?", "Tell me the opposite of {a}.", "What is the opposite of the word {a}?", "Name the opposite of {a}.", "opposite of {a}?", "Give me the opposite of {a}.", "The opposite of {a} is which word?", "Do you know the opposite of {a}?"],
      test: ["Which word means the opposite of {a}?", "Can you tell me the opposite of {a}?", "What would be the opposite of {a}?"],
    },
    answer: "The opposite of {a} is {b}.",
  },
  {
    name: "job",
    pairs: pairs("baker: bakes bread, teacher: teaches children, doctor: helps sick people, farmer: grows food, pilot: flies planes, tailor: sews clothes, fisherman: catches fish, painter: paints pictures, singer: sings songs, writer: writes books, gardener: looks after plants, firefighter: puts out fires, cook: cooks meals, carpenter: makes things of wood, dentist: looks after teeth, postman: brings letters, sailor: sails on ships, builder: builds houses, shepherd: looks after sheep, vet: helps sick animals, astronaut: flies into space, miller: makes flour, beekeeper: looks after bees, judge: decides in court"),
    told: {
      train: ["{A a} {b}.", "The {a} {b}.", "Every day the {a} {b}.", "{A a} is a person who {b}.", "The work of {a a} is this: the {a} {b}.", "The one who {b} is called {a a}.", "At work, {a a} {b}."],
      test: ["What {a a} does all day is easy to say: {a a} {b}.", "A person who works as {a a} {b}."],
    },
    asked: {
      train: ["What does {a a} do?", "What is the work of {a a}?", "What does the {a} do at work?", "Tell me what {a a} does.", "What is {a a}?", "What job does {a a} have?", "What does {a a} do all day?", "Do you know what {a a} does?"],
      test: ["What is the job of {a a}?", "What does {a a} do at work?", "Can you tell me what {a a} does?"],
    },
    answer: "{A a} {b}.",
    back: {
      asked: {
        train: ["Who {b}?", "What do we call a person who {b}?", "Which person {b}?", "Name the person who {b}.", "What is the name of the job of someone who {b}?"],
        test: ["What is a person called who {b}?", "Tell me who {b}."],
      },
      answer: "{A a} {b}.",
    },
  },
  {
    name: "sense",
    pairs: pairs("eyes: see, ears: hear, nose: smell, tongue: taste, hands: hold things, legs: walk, teeth: bite, lungs: breathe, brain: think, mouth: speak"),
    told: {
      train: ["We use our {a} to {b}.", "With our {a} we {b}.", "Our {a} help us to {b}.", "You need your {a} to {b}.", "To {b}, we use our {a}.", "People {b} with their {a}."],
      test: ["When we {b}, we use our {a}.", "Our {a} let us {b}."],
    },
    asked: {
      train: ["What do we do with our {a}?", "What do we use our {a} for?", "What can you do with your {a}?", "Tell me what our {a} do for us.", "What do people do with their {a}?", "What do you need your {a} for?"],
      test: ["What are our {a} for?", "For what do we use our {a}?"],
    },
    answer: "We use our {a} to {b}.",
  },
  {
    name: "sides",
    pairs: pairs("triangle: three, square: four, rectangle: four, pentagon: five, hexagon: six, octagon: eight"),
    told: {
      train: ["{A a} has {b} sides.", "The {a} has {b} sides.", "A shape with the name {a} has {b} sides.", "Draw {a a}, and you draw {b} sides.", "Every {a} has {b} sides.", "If you count the sides of {a a}, you get {b}."],
      test: ["The number of sides of {a a} is {b}.", "You need {b} lines to draw {a a}."],
    },
    asked: {
      train: ["How many sides does {a a} have?", "How many sides has {a a}?", "{A a} has how many sides?", "Tell me how many sides {a a} has.", "Count the sides of {a a}.", "What is the number of sides of {a a}?"],
      test: ["How many sides are there in {a a}?", "Do you know how many sides {a a} has?"],
    },
    answer: "{A a} has {b} sides.",
  },
  {
    name: "use",
    pairs: pairs("knife: cut, pen: write, spoon: eat soup, broom: sweep the floor, key: open a door, lamp: make light, clock: tell the time, umbrella: stay dry, needle: sew, hammer: hit nails, bed: sleep, cup: drink, saw: cut wood, towel: dry yourself, oven: bake, soap: wash, camera: take pictures, ladder: climb up, map: find the way, scarf: keep warm, brush: paint, bucket: carry water, net: catch fish, comb: tidy your hair, telephone: talk to people, boat: cross the water, spade: dig a hole, bell: call people"),
    told: {
      train: ["You use {a a} to {b}.", "With {a a} you can {b}.", "{A a} is used to {b}.", "People need {a a} to {b}.", "{A a} is a thing that helps you to {b}.", "If you want to {b}, take {a a}.", "To {b}, you need {a a}."],
      test: ["The use of {a a} is to {b}.", "When people want to {b}, they take {a a}."],
    },
    asked: {
      train: ["What do you use {a a} for?", "What is {a a} for?", "What can you do with {a a}?", "What is {a a} used for?", "Why do people need {a a}?", "Tell me what {a a} is for.", "What do people do with {a a}?"],
      test: ["For what do people use {a a}?", "What is the use of {a a}?", "Tell me what you can do with {a a}."],
    },
    answer: "You use {a a} to {b}.",
    back: {
      asked: {
        train: ["What do you need to {b}?", "What do you use to {b}?", "Which thing helps you to {b}?", "I want to {b}. What do I need?", "Name a thing that you use to {b}."],
        test: ["What thing do people use to {b}?", "What should I take to {b}?"],
      },
      answer: "To {b}, you need {a a}.",
    },
  },
  {
    name: "made of",
    pairs: pairs("bread: flour, cheese: milk, butter: milk, wine: grapes, paper: wood, glass: sand, jam: fruit, ice: water, flour: wheat, chocolate: cocoa, yarn: wool, porridge: oats, apple juice: apples, toast: bread, popcorn: corn, lemonade: lemons, cloth: cotton, cream: milk"),
    told: {
      train: ["The {a} is made of {b}.", "People make {a} from {b}.", "To make {a}, you need {b}.", "{b} is what you need for {a}.", "What is in {a}? There is {b} in it.", "We make {a} out of {b}."],
      test: ["For making {a}, people take {b}.", "All {a} comes from {b}."],
    },
    asked: {
      train: ["What is {a} made of?", "What is {a} made from?", "From what do people make {a}?", "What do you need to make {a}?", "Tell me what {a} is made of.", "What do we make {a} out of?"],
      test: ["Out of what is {a} made?", "Do you know what {a} is made of?"],
    },
    answer: "People make {a} from {b}.",
  },
]; // biome-ignore format: tables
