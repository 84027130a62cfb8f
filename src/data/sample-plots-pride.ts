/** Plots of the sample stories: pride and its falls. Data only. */
import type { Plot } from "./sample-grammar.ts";

const RACE: Plot = {
  titles: ["The {kind} and the {fkind}", "The Great Race", "{Hero} the Fast and {friend} the Slow"],
  traits: "[proud|boastful|vain]",
  paragraphs: [
    [
      [
        "{He} was the fastest runner for miles around, and {he} told everyone so before breakfast.",
        "{He} could run very fast, and there was nothing {he} liked better than to talk about it.",
        '"Nobody is as quick as I am," {he} said every morning to {his} own face in the water.',
      ],
    ],
    [
      [
        "{Morning}, {hero} met {friend} the {fkind}, who was walking slowly home with {food}.",
        "{Morning}, {he} saw {friend}, a {fcoat} {fkind}, on the road {place.to}.",
      ],
      ["{weather}{aside}"],
      [
        '"How slow you are!" cried {hero}. "A snail could have its supper while you cross the road."',
        '"If you walk like that," laughed {hero}, "you will be home by next year."',
      ],
      [
        '"I get there in the end," said {friend}. "Shall we race {place.to}?"',
        '"Slow feet still arrive," said {friend}. "Let us race {place.to}, and we shall see."',
      ],
      [
        "Everyone who heard it laughed, and {elder} was asked to be the judge.",
        "{Hero} laughed until {his} sides hurt. {Elder} drew a line in the dust and counted to three.",
      ],
    ],
    [
      [
        "{Hero} was off like the wind, and soon {friend} was only a dot on the road.",
        "At the word, {hero} shot away, and {friend} set off at a walk.",
      ],
      [
        'Halfway there {he} stopped {place2.at}. "I have all the time in the world," {he} said, and lay down for a nap.',
        "Soon {he} came {place2.to}, where some [rabbits|ducks|young mice] were playing, and {he} stopped to tell them how fast {he} was.",
        '{Place2.at}, {he} found {food2} that somebody had left. "I have time for a bite," {he} thought, and {he} ate and ate.',
      ],
      [
        "{Friend} did not stop. One step, and another step, and another.",
        "But {friend} kept walking. {Fhe} did not look left, and {fhe} did not look right.",
        "The shadows grew longer, and {friend} came by on quiet feet.",
      ],
    ],
    [
      [
        "When {hero} looked up, the sun was low. {He} ran as {he} had never run before.",
        "Suddenly {hero} heard cheering from far away. {He} jumped up and ran until {his} heart beat like a drum.",
      ],
      [
        "But {friend} was already there, sitting {place.at} and [eating {food.the}|resting {fhis} feet].",
        "But it was too late: {friend} had crossed the line, and {elder} was shaking {fhis} paw.",
      ],
      [
        '"You are faster than I am," said {friend} kindly. "But I was here first."',
        '"Well run," said {friend}. "Next time, do not sleep until you arrive."',
      ],
      [
        "{Hero} hung {his} head. Then {he} smiled, and {he} never laughed at slow feet again.",
        "After that day {hero} still ran fast, but {he} talked about it less.",
      ],
    ],
  ],
  morals: [
    "Slow and steady feet pass the fast ones that are asleep.",
    "The race is not over when you say so.",
    "It is better to arrive than to boast.",
  ],
};

const STORM: Plot = {
  titles: ["{Hero} and the Storm", "The {kind} Who Would Not Listen", "The House of Straw and Song"],
  traits: "[stubborn|lazy|cheerful|carefree]",
  paragraphs: [
    [
      [
        "All summer long {he} played while the others [worked|mended their roofs|gathered wood].",
        "{He} had built {his} house in one afternoon, out of straw and good luck.",
        "There was a hole in {his} roof, but when the sun shone {he} did not need a roof, and when it rained {he} could not mend it.",
      ],
    ],
    [
      [
        "{Morning}, {friend} the {fkind} came running from {place.the}.",
        "{Morning}, {elder} looked at the sky and shook {ehis} head, and {friend} the {fkind} ran to tell {hero}.",
      ],
      ["{weather}{aside}"],
      [
        '"A storm is coming," said {friend}. "Mend your roof today, {hero}, and I will help you."',
        '"The birds are flying low," said {friend}. "There will be a storm tonight. Let us make your house strong."',
      ],
      [
        '"Tomorrow," said {hero}, and {he} [rolled over in {his} bed|closed {his} eyes|yawned].',
        '"You worry too much," said {hero}. "A little wind never hurt anyone."',
        '"Storms are for other people," said {hero}, and {he} went on [whistling|singing|playing].',
      ],
      [
        "So {friend} went home, and all day {fhe} [carried stones|nailed boards|tied ropes].",
        "{Friend} said nothing more. {Fhe} went home and closed every shutter.",
      ],
    ],
    [
      [
        "In the middle of the night the storm came.",
        "When the moon was up, the wind began to howl.",
        "First there was one drop, and then there were a thousand, and then the whole sky fell down.",
      ],
      [
        "It tore the roof from {hero}'s house and threw it down {place2.at}.",
        "The walls shook, the door flew open, and the candle went out.",
        "The thunder rolled over the hills like a wagon full of stones.",
      ],
      [
        "{Hero} ran through the rain, wet to the bone, and knocked at {friend}'s door.",
        "There was only one light in the whole valley, and it burned in {friend}'s window. {Hero} ran to it.",
      ],
      [
        '"May I come in?" asked {hero} in a very small voice.',
        '"You were right," said {hero}, with water running down {his} nose, "and I was wrong."',
      ],
      [
        '"I made room for two," said {friend}, and {fhe} gave {him} a blanket and a cup of hot [tea|soup|milk].',
        '{Friend} did not scold. {Fhe} put another log on the fire and said, "Sit down and get warm."',
      ],
    ],
    [
      [
        "The next morning the sky was clean and blue, and {hero} was the first to pick up a hammer.",
        "When the sun came back, they built the house again, and this time they built it of [stone|oak|good strong wood].",
      ],
      [
        "And when {friend} said that rain was coming, {hero} went to fetch the ladder.",
        "It stands there still, {home.at}, and not a drop comes in.",
      ],
    ],
  ],
  morals: [
    "Mend the roof while the sun is shining.",
    "Good advice is a roof for the head that takes it.",
    "The best day to get ready is the day before.",
  ],
};

const TRUTH: Plot = {
  titles: ["The Empty Jar", "{Hero} Tells the Truth", "Who Ate the Supper?"],
  traits: "[hungry|greedy|curious|playful]",
  paragraphs: [
    [
      [
        "{His} friend {friend} the {fkind} had {food}, and {fhe} kept {food.it} on a high shelf for the feast.",
        "{Friend} the {fkind}, who lived next door, had set aside {food} for {fhis} mother.",
      ],
    ],
    [
      [
        "{Morning}, {friend} went out {place.to}, and {hero} was alone.",
        "{Morning}, {hero} came to visit, but nobody was at home.",
      ],
      ["{weather}{aside}"],
      [
        '"One small bite will not be missed," thought {hero}.',
        "{He} looked at {food.the}. {He} looked away. {He} looked again.",
        "{Food.the} smelled so good that {his} nose walked in front of {him}.",
      ],
      [
        "{He} took one bite, and then one more, and soon there was nothing left.",
        "One bite became two, and two became ten, and then the plate was empty.",
      ],
      [
        "Then {he} heard steps on the path, and {his} heart began to [beat|pound].",
        "All at once {he} felt cold, although the fire was burning.",
      ],
    ],
    [
      [
        '"Who has eaten {food.the}?" cried {friend}.',
        '"Where {food.is} {food.the}?" asked {friend}, and {fhe} looked under the table.',
      ],
      [
        '"It must have been the crows," said {hero}, and {he} looked at {his} feet.',
        '"I saw a stranger running {place2.to}," said {hero} quickly.',
      ],
      [
        "So {friend} went out to look for the thief, and it was getting dark, and it began to rain.",
        "{Friend} believed {him}, and that was the worst thing of all.",
      ],
      [
        "That night {hero} could not sleep. The lie lay in {his} bed and took up all the room.",
        "{Hero} went home, but {his} supper had no taste, and the clock on the wall seemed to say: you did, you did, you did.",
      ],
    ],
    [
      [
        "Before the sun was up, {he} ran to {friend}'s house and knocked.",
        "At last {he} put on {his} coat, lit a lantern, and went to find {friend}.",
      ],
      [
        '"It was me," {he} said. "It was me all the time. I ate {food.the}, and then I lied to you."',
        '"What I told you was not true," {he} said. "I ate it all myself. I am very sorry."',
      ],
      [
        '{Friend} was quiet for a while. "I am angry about {food.the}," {fhe} said, "but I am glad about the truth."',
        '"That was hard to say," said {friend}. "It is the bravest thing you have done all year."',
      ],
      [
        "They went out together and [gathered|bought|earned] {food2}, and {hero} carried everything home by {himself}.",
        "All that week {hero} worked in {friend}'s garden, and at the end of it there was {food2} on the shelf.",
      ],
    ],
  ],
  morals: [
    "A lie is heavy, and the truth is light.",
    "It is easier to fill an empty jar than to mend a broken trust.",
    "The truth is hard to say once, but a lie must be said every day.",
  ],
};

const TRICK: Plot = {
  titles: ["{Hero} the Trickster", "The Trick That Came Home", "{Friend} and the Clever {kind}"],
  traits: "[sly|cunning|crafty|clever]",
  paragraphs: [
    [
      [
        "{He} had never worked a day in {his} life, because {he} could always find someone to trick.",
        "{He} was so good at tricks that {he} sometimes tricked {himself}.",
      ],
    ],
    [
      [
        "{Morning}, {he} saw {friend} the {fkind} coming from the market with {food}.",
        "{Morning}, {he} smelled {food} in the kitchen of {friend}, a {fcoat} {fkind}.",
      ],
      ["{weather}{aside}"],
      [
        '"Have you heard?" cried {hero}. "The king is {place.at}, and he is giving away [gold coins|silver spoons|new hats]!"',
        '"Quick!" cried {hero}. "Your brother has fallen into the water {place.at}! I will watch {food.the} for you."',
      ],
      [
        "{Friend} put down {food.the} and ran, and {hero} had a very good supper.",
        "{Friend} believed every word and was gone like a shot, and so {food.was} {food.the}.",
      ],
      [
        "Of course there was nobody {place.at}, only the wind, and {friend} walked home and thought about it.",
        "When {friend} came back, {he} was gone, and there were only crumbs. {Friend} looked at the crumbs and began to think.",
      ],
    ],
    [
      [
        'The next day {friend} tied a {thing} to a long string and hung it high in a tree. "What is that?" asked {hero}. "Nothing," said {friend}. "Nothing that you would want." Now {hero} wanted it more than anything. {He} climbed and climbed until {he} was covered with [leaves and dust|scratches]. When {he} had it at last, there was a note tied to it. It said: This is your half of my supper.',
        "A week later {friend} put up a sign in the garden. On the sign was written: Treasure, do not dig here. {Hero} waited until {friend} had left, and then {he} worked and worked, as {he} had never worked before. When the moon came up, {he} found a box, and in the box was a piece of paper. It said: Thank you for digging my garden.",
        'The next morning {friend} said loudly, so that {hero} could hear it behind the hedge, "I hope that nobody looks under the big stone {place2.at}!" {Hero} ran {place2.to} and pushed the stone until the moon came up. Under it lay one [apple core|nutshell|crumb] and a note. It said: I ran for nothing, and now so have you.',
      ],
    ],
    [
      [
        "{Hero} read it twice. Then {he} heard someone laughing, and it was {friend}, sitting on the fence.",
        "{Hero} opened {his} mouth and closed it again. Then, to {his} own surprise, {he} began to laugh.",
      ],
      [
        '"You are cleverer than I am," said {hero}. "No," said {friend}. "I only learned from you."',
        '"How does it feel?" asked {friend}. "Not so good," said {hero}. "I think I owe you {food}."',
      ],
      [
        "From then on {hero} kept {his} tricks for the [theater|children|first of April], and {he} paid for {his} supper.",
        "They became good friends after that, and {elder} still laughs about it.",
      ],
    ],
  ],
  morals: [
    "The one who digs for another's treasure plants another's garden.",
    "A trick is a ball: throw it, and it comes back.",
    "The cleverest trick is to need no tricks.",
  ],
};

/** Stories of pride and its falls. */
export const PRIDE_PLOTS: readonly Plot[] = [RACE, STORM, TRUTH, TRICK];
