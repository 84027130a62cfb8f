/** Plots of the sample stories: learning and growing. Data only. */
import type { Plot } from "./sample-grammar.ts";

const BRIDGE: Plot = {
  titles: ["The Bridge", "{Hero} and {friend} Build a Bridge", "Two Sides of the River"],
  traits: "[stubborn|clever|strong|hard-working]",
  home: "the river",
  seasons: ["spring", "summer", "autumn"],
  paragraphs: [
    [
      [
        "On the other side of the water lived {friend}, a {fcoat} {fkind}, and the two of them had never agreed on anything.",
        "Across the river lived {friend} the {fkind}. They waved to each other, but there was no bridge.",
      ],
    ],
    [
      [
        "{Morning}, {hero} decided to build a bridge all by {himself}.",
        "{Morning}, both of them had the same thought: there ought to be a bridge.",
      ],
      ["{weather}{aside}"],
      [
        "{Hero} began on one bank, and {friend} began on the other, and neither asked the other how.",
        "{Hero} built with stones, because stones are strong. {Friend} built with wood, because wood is light.",
      ],
      [
        "But when the two halves met, one was too high and the other was too low.",
        "In the middle of the river the two halves missed each other by the length of a [cow|cart|tall tree].",
        "{Hero}'s half sank in the mud, and {friend}'s half floated away {place2.to}.",
      ],
      [
        '"You built it wrong!" cried {hero}. "No, you did!" cried {friend}.',
        '"It is your fault," said {hero}. "It is yours," said {friend}. And they did not speak for three days.',
      ],
    ],
    [
      [
        "{Elder} came to the bank and looked at the two halves for a long time.",
        "On the fourth day {elder} came by and laughed so loudly that the ducks flew up.",
      ],
      [
        '"You have built two half bridges," said {ehe}, "and two halves are nothing until they meet."',
        '"Stone for the feet and wood for the back," said {ehe}. "Why do you not ask each other?"',
      ],
      [
        "{Hero} looked at {friend}, and {friend} looked at {hero}, and both of them felt foolish.",
        '"What would you do first?" asked {hero}. It was the first time that {he} had ever asked.',
      ],
    ],
    [
      [
        "So they began again. {Hero} set the stones in the water, and {friend} laid the boards on top.",
        "They drew a plan in the sand, and each of them changed half of it.",
      ],
      [
        "When one was tired, the other worked, and when both were tired, they ate {food} and talked.",
        "They worked until [the moon rose|the first star came out|their paws were sore], and they told each other jokes.",
      ],
      [
        "In seven days the bridge was done, and everyone from {village} came to walk across it.",
        "By the end of the month there was a bridge, and it was the strongest in the whole land.",
      ],
      [
        "{Hero} and {friend} met in the middle and shook paws, and then they sat down there and had lunch.",
        "Even {elder} crossed it twice, once to see the other side and once to come home.",
      ],
    ],
  ],
  morals: [
    "Two who listen can build what two who shout cannot.",
    "A bridge begins with a question.",
    "Alone we have half; together we have a way across.",
  ],
};

const FEAR: Plot = {
  titles: ["{Hero} and the Dark", "The {kind} Who Was Afraid", "A Light in the Night"],
  traits: "[shy|timid|quiet|fearful]",
  paragraphs: [
    [
      [
        "{He} was afraid of many things, but most of all {he} was afraid of the dark.",
        "When the sun went down, {he} closed the shutters and lit [three candles|every lamp in the house].",
        "The others laughed at {him}, because {he} would not go out after sunset, not even to look at the moon.",
      ],
    ],
    [
      [
        "{Morning}, {his} friend {friend} the {fkind} went to gather wood {place.at}.",
        "{Morning}, {friend}, the {fcoat} {fkind}, set out {place.to} and promised to be back for supper.",
      ],
      ["{weather}{aside}"],
      [
        "The soup grew cold, and the evening came, but {friend} did not.",
        "Noon passed, and evening came, and there was no sign of {friend}.",
      ],
      [
        "{Hero} stood at the window. Outside it was as black as the inside of a boot.",
        "{Hero} opened the door a little, and the dark looked in. {He} closed it again.",
      ],
      [
        '"Someone should go and look," {he} thought. "But there is nobody here except me."',
        "Then, from far away, {he} heard a small voice calling for help.",
      ],
    ],
    [
      [
        "{His} knees shook, but {he} took {his} {thing} in one paw and a lantern in the other, and {he} went.",
        "{He} was still afraid, and {he} went all the same.",
        "{He} counted {his} steps, because it is hard to count and to be afraid at the same time.",
      ],
      [
        "A branch cracked, and {he} jumped. It was only a beetle on its way to bed.",
        'Two yellow eyes shone in front of {him}. "Good evening," said {elder}. "You are out late."',
        "Something white flew over {his} head, but it was only a moth.",
      ],
      [
        "{Place.at}, {he} found {friend}, who had [hurt {fhis} foot|fallen into a hole|lost {fhis} way].",
        "At last {he} saw {friend} sitting {place.at}, cold and tired, with {fhis} foot under a heavy stone.",
      ],
      [
        '"You came!" cried {friend}. "And in the middle of the night!"',
        '"{Hero}?" said {friend}. "But you are afraid of the dark!"',
      ],
      [
        '"I was afraid the whole way," said {hero}. "Hold on to my shoulder."',
        '"I was more afraid of losing you," said {hero}.',
      ],
    ],
    [
      [
        "They walked home slowly, and above them were more stars than {hero} had ever seen.",
        "On the way home {friend} showed {him} the names of the stars, and the dark did not seem so dark.",
      ],
      [
        "From that night on, {hero} slept with only one candle, and by {nextSeason} {he} needed none.",
        "{Hero} was still afraid sometimes. But now {he} knew that {he} could be afraid and go on walking.",
      ],
    ],
  ],
  morals: [
    "The brave are not those who have no fear, but those who walk beside it.",
    "A small light is enough for the next step.",
    "Love has longer legs than fear.",
  ],
};

const WISH: Plot = {
  titles: ["{Hero} and the Wishing Stone", "Three Wishes", "The {kind} Who Wanted More"],
  traits: "[restless|dissatisfied|dreamy|greedy]",
  paragraphs: [
    [
      [
        "{He} had a good bed and enough to eat, but {he} always wanted [what others had|something else|more].",
        "If the sun was shining, {he} wanted rain, and if it rained, {he} wanted the sun.",
      ],
    ],
    [
      [
        "{Morning}, {he} found a smooth [blue|green|white] stone {place.at}.",
        "{Morning}, {he} helped {elder} out of a ditch, and for that {he} was given a smooth gray stone.",
      ],
      ["{weather}{aside}"],
      [
        '"I can give you three wishes," said a voice, and it came from the stone. "Use them well."',
        "On the stone was written in tiny letters: three wishes, and not one more.",
      ],
      [
        '{Hero} did not think for long. "I wish to be as big as a [horse|house|hill]!" {he} cried.\n\nAnd so it was. But now {he} did not fit through {his} own door, and {his} bed was no bigger than a [spoon|leaf] to {him}. {His} friend {friend} the {fkind} saw {him} and ran away as fast as {fhe} could.',
        '"I wish for more {foodMany} than anyone can eat!" said {hero} at once.\n\nAnd so it was. There {food.was} so much that the walls shook and the windows broke. It was wonderful for an hour, and then it was too much. When {friend} the {fkind} came to visit, {fhe} could not even get in.',
        '"I wish that everything I touch would turn to gold!" said {hero}.\n\nAnd so it was. {His} bed turned to gold, and it was hard. {His} supper turned to gold, and {he} could not eat it. When {friend} the {fkind} came to visit, {fhe} was afraid to shake {his} paw.',
        '"I wish that I could fly!" cried {hero}, and {he} jumped for joy.\n\nAnd so it was. {He} flew up like a [feather|leaf|bubble], and {he} could not come down again. {Friend} the {fkind} stood below and called {his} name until {fhe} was only a dot.',
      ],
      [
        '"I wish that nobody would bother me," said {hero} angrily, and that was the second wish.',
        '"Then I wish for a castle with a hundred rooms," said {hero}, and that was the second wish.',
      ],
      [
        "Then it became very quiet. {Hero} walked from one end of the day to the other, and nobody said {his} name.",
        "It was quiet, and it was cold, and the evening was long. There was no one to tell about it.",
      ],
      [
        "{He} thought of the small house, and of {friend}, and of [soup on the stove|stories by the fire|the old blanket].",
        "{He} sat down and cried, and {his} tears fell on the stone.",
      ],
    ],
    [
      [
        '"I have one wish left," said {hero}. "I wish that everything were as it was before."',
        '"Dear stone," {he} said, "I wish for my own house, my own bed, and my own friend."',
      ],
      [
        "The wind blew once, and there {he} stood in front of {his} own door, and {friend} was coming up the path.",
        "{He} shut {his} eyes, and when {he} opened them, {friend} was sitting at the table, pouring tea.",
      ],
      [
        '"Where have you been?" asked {friend}. "Far away," said {hero}, "and I am glad to be back."',
        '"You look happy today," said {friend}. "I am," said {hero}. "I have everything I want."',
      ],
      [
        "The stone lies in the garden now, and it holds the gate open.",
        "{Hero} threw the stone into the deepest part of the river, and {he} never looked for it again.",
      ],
    ],
  ],
  morals: [
    "Those who know what is enough will always have enough.",
    "Be careful what you wish for, and be thankful for what you did not have to wish for.",
    "The best things are already sitting at the table.",
  ],
};

const SEED: Plot = {
  titles: ["{Hero} and the Seed", "The {kind} Who Could Not Wait", "A Garden for {hero}"],
  seasons: ["spring"],
  traits: "[impatient|hasty|eager|lively]",
  paragraphs: [
    [
      [
        "{He} could not wait for anything. {He} ate {his} bread before it was baked and put on {his} coat while {he} was running.",
        '"Now" was {his} favorite word, and "later" was the one {he} liked least.',
      ],
    ],
    [
      [
        "{Morning}, {elder} gave {him} a seed that was no bigger than a [crumb|flea|grain of sand].",
        "{Morning}, {he} found a strange striped seed {place.at}, and {he} took it to {elder}.",
      ],
      ["{weather}{aside}"],
      [
        '"Put it in the earth," said {elder}, "give it water, and wait."',
        '"A whole tree is asleep in there," said {elder}. "Do not wake it too early."',
      ],
      [
        "{Hero} planted it in front of {his} house. Then {he} sat down and looked at the ground for an hour.",
        "{Hero} dug a hole, dropped the seed in it, and emptied a whole bucket of water on top.",
      ],
      [
        '"Grow!" {he} said. Nothing happened. "Grow now!" {he} shouted. A worm looked up and went away.',
        "In the evening nothing had come up, and in the morning there was still nothing.",
      ],
      [
        "On the third day {he} dug it up to see if it had grown, and then {he} put it back upside down.",
        "{He} sang to it. {He} shouted at it. {He} even read it the newspaper.",
      ],
    ],
    [
      [
        '{Friend} the {fkind} leaned over the fence. "What are you doing?" {fhe} asked.',
        "{His} neighbor was {friend}, a {fcoat} {fkind} with the finest garden in {village}.",
      ],
      [
        '"I am waiting," said {hero}, "and it does not work."',
        '"My seed is broken," said {hero}. "I have waited for three whole days."',
      ],
      [
        '"You are not waiting," laughed {friend}. "You are standing in its light. Come and help me with the beans."',
        '"Seeds do not like to be watched," said {friend}. "Let us do something else, and look again on Sunday."',
      ],
      [
        "So {hero} helped {friend} to [pull weeds|paint the fence|carry water], and {he} learned the names of all the flowers.",
        "They fished in the pond, they mended the gate, and they baked {food}, and {hero} almost forgot the seed.",
      ],
    ],
    [
      [
        "One day, when {hero} came home, there was a tiny green leaf in front of {his} door.",
        "And one morning, when {hero} was thinking of something else, {he} almost stepped on a small green shoot.",
      ],
      [
        "{He} wanted to pull it, to make it longer, but {he} put {his} paws behind {his} back and only smiled.",
        '"Good morning," {he} whispered. "Take your time."',
      ],
      [
        "By {nextSeason} it was as tall as {friend}, and years later the whole village sat in its shade.",
        "It became [an apple tree|a cherry tree|a pear tree], and {hero} gave the first fruit to {friend}.",
        "It became a sunflower as high as the roof, and {hero} gave half of the seeds to {friend}.",
      ],
    ],
  ],
  morals: [
    "Good things grow at their own speed.",
    "Patience is not sitting still; it is doing something else with a glad heart.",
    "You cannot pull a flower out of the ground to make it grow.",
  ],
};

/** Stories of learning and growing. */
export const GROWTH_PLOTS: readonly Plot[] = [BRIDGE, FEAR, WISH, SEED];
