/** Plots of the sample stories: friendship and trust. Data only. */
import type { Plot } from "./sample-grammar.ts";

const LOST: Plot = {
  titles: ["{Hero} and the {thing}", "The Lost {thing}", "The {kind} Who Looked Everywhere"],
  traits: "[careless|forgetful|dreamy|busy]",
  paragraphs: [
    [
      [
        "{Hero} owned a {thing}, and [{he} loved it more than anything else|it was the best thing {he} had].",
        "{His} grandmother had given {him} a {thing}, and {he} carried it wherever {he} went.",
        "The dearest thing {he} had was a {thing}, which {he} had found [in the sand|under a fern] when {he} was very small.",
      ],
    ],
    [
      [
        "{Morning}, {hero} reached for the {thing}, and it was gone.",
        "{Morning}, {he} woke up and saw that the {thing} was not in its place.",
        "But {morning}, the {thing} was nowhere to be seen.",
      ],
      ["{weather}{aside}"],
      [
        "{He} looked under the bed, behind the stove and inside {his} left shoe.",
        "{He} emptied every [drawer|basket|pocket], and found only a [button|feather|dry leaf] and [some crumbs|a bit of string].",
        "{He} turned the whole house upside down and then turned it back again.",
        "{He} ran {place.to} and back, looking behind every stone.",
      ],
      [
        '"Somebody must have taken it," {he} [said|thought|grumbled].',
        '"How can a {thing} walk away by itself?" {he} asked the empty room.',
        "Then {he} sat down on the doorstep and [sighed|began to cry|put {his} head in {his} paws].",
      ],
    ],
    [
      [
        '{Friend} the {fkind} came by and asked, "Why do you look so sad?"',
        "Just then {friend}, the {fcoat} {fkind} from next door, looked over the fence.",
        "{Hero} went to {friend} the {fkind} and told {fhim} everything.",
      ],
      [
        '"I have lost my {thing}," said {hero}. "I have looked everywhere."',
        '"My {thing} is gone," said {hero}, "and I shall never be happy again."',
        '"Have you seen my {thing}?" asked {hero}. "I think a thief has been here."',
      ],
      [
        '"[Everywhere is a big place|Everywhere is a long word]," said {friend}. "Where were you yesterday?"',
        '"Let us walk the way you walked yesterday," said {friend}, "but slowly this time."',
        '"Two pairs of eyes see more than one," said {friend}. "Come, I will help you look."',
      ],
    ],
    [
      [
        "So they went [together|side by side|paw in paw] {place.to}, and from there {place2.to}.",
        "They walked {place.to}, and they asked everyone they met.",
        "First they searched {place.at}, and then they searched {place2.at}.",
      ],
      [
        '{Elder} had not seen it, but {ehe} said, "Look where you were happy, for that is where we forget things."',
        'They asked {elder}, who only smiled and said, "The nearest pocket is the last one we search."',
        'On the way they met {elder}. "Lost things do not run," said {ehe}. "They wait."',
      ],
      [
        "And there, {place2.at}, where {hero} had [sat on a log|eaten {his} lunch|watched the clouds] the day before, lay the {thing}.",
        "At last {friend} began to laugh. The {thing} was hanging on {hero}'s own [tail|back|belt]!",
        "{Hero} sat down to rest, and something hard was in {his} pocket. It was the {thing}.",
      ],
      [
        '"Nobody took it at all," said {hero}, and {his} ears turned red. "I am sorry that I said so."',
        "{Hero} laughed so much that {he} had to sit down, and {friend} laughed too.",
        '"Thank you," said {hero}. "Without you I would still be sitting on my doorstep."',
      ],
    ],
  ],
  morals: [
    "Look twice before you blame once.",
    "What is lost in a hurry is found with patience.",
    "A friend who helps you look is worth more than the thing you lost.",
  ],
};

const SHARING: Plot = {
  titles: ["{Hero} and the Stranger", "The {kind} Who Shared", "Half of a Supper"],
  traits: "[kind|poor|good-hearted|gentle]",
  paragraphs: [
    [
      [
        "It had been a hard year, and all that {hero} had left was {food}.",
        "{He} did not have much, but {he} had {food}, and {he} was saving {food.it} for {his} birthday.",
        "In the whole house there was nothing to eat but {food}.",
      ],
    ],
    [
      [
        "{Morning}, somebody knocked at the door.",
        "{Morning}, {hero} heard a small voice outside.",
        "{Morning}, a stranger came slowly up the path.",
      ],
      ["{weather}{aside}"],
      [
        "It was a {fcoat} {fkind}, [thin|tired|wet and shivering], with [a stick in {fhis} paw|dust in {fhis} fur].",
        "On the doorstep stood a {fcoat} {fkind} who had walked for [three days|a whole week].",
      ],
      [
        '"My name is {friend}," said the stranger. "I have come a long way, and I am hungry."',
        '"Please," said the {fkind}, whose name was {friend}, "do you have anything to eat?"',
      ],
      [
        "{Hero} looked at {food.the}. There was [just|only] enough for one.",
        "{Hero} thought of {his} own empty stomach, and {he} thought about it for a long time.",
      ],
      [
        '"Come in and sit by the fire," {he} said at last. "Half is enough for me."',
        'Then {he} opened the door wide. "A supper for one is a lonely supper," said {hero}.',
        '"Then we shall both be a little hungry," {he} said, "and neither of us will be alone."',
      ],
    ],
    [
      [
        "They ate {food.the} together, and {friend} told stories about [the sea|the mountains|cities with golden roofs].",
        "They shared {food.the} down to the last crumb, and the fire burned low.",
      ],
      [
        "In the morning the stranger was gone, and {hero} swept the floor and thought no more about it.",
        "{Friend} left before the sun came up, and {hero} went to bed hungry that night, but {he} slept well.",
      ],
    ],
    [
      [
        "When {nextSeason} came, {hero} fell ill and could not [leave the house|gather any food].",
        "In {nextSeason} a great flood came and carried away everything {hero} had.",
        "A year went by, and then {hero} lost {his} way in the mountains, far from home.",
      ],
      [
        "But someone knocked at the door, and it was {friend}, with {food2} in {fhis} paws.",
        "Then a light came through the dark, and behind the light came {friend}, carrying {food2}.",
      ],
      [
        '"You gave me half of what you had," said {friend}. "Now half of what I have is yours."',
        '"Did you think I would forget?" asked {friend}. "I have told everyone about your supper."',
      ],
      [
        "And from that day on, {hero} never ate alone.",
        "So they sat by the fire again, and this time there was enough for both.",
        "{Hero} could not say a word, so {he} moved over and made room by the fire.",
      ],
    ],
  ],
  morals: [
    "What you give away comes home again.",
    "Bread that is shared is never small.",
    "A kind deed is a seed: you do not see it grow, but it grows.",
  ],
};

const MUSIC: Plot = {
  titles: ["The Song of {hero}", "{Hero} Finds a Friend", "Two Songs"],
  traits: "[lonely|quiet|shy|thoughtful]",
  paragraphs: [
    [
      [
        "Every evening {he} played on {his} little [flute|fiddle|harp], but there was nobody to hear it.",
        "{He} had a fine voice and knew forty songs, but {he} only sang when {he} was alone.",
      ],
      [
        "{He} thought that nobody would like {his} music, and so {he} kept it at home, like a bird in a box.",
        '"Who would listen to me?" {he} often asked {himself}.',
      ],
    ],
    [
      [
        "{Morning}, {he} heard a sound that came from {place.the}.",
        "{Morning}, while {he} was playing, somebody far away played the same song back to {him}.",
      ],
      ["{weather}{aside}"],
      [
        "It was a song {he} did not know, and it was [slow|sweet|a little sad], like [smoke|water|snow].",
        "The song had a beginning and a middle, but it had no end, as if something were missing.",
      ],
      [
        "{He} followed it {place.to}, and then {place2.to}, with {his} heart beating fast.",
        "For three days {he} listened. On the fourth day {he} took {his} courage and {his} hat and went to look.",
      ],
      [
        "There, {place2.at}, sat {friend}, a {fcoat} {fkind}, singing with closed eyes.",
        "Behind a bush sat a {fcoat} {fkind} called {friend}, who stopped at once and turned red.",
      ],
    ],
    [
      [
        '"Please do not stop," said {hero}. "I came because of the song."',
        '"I am sorry," said {hero}. "I did not want to frighten you."',
      ],
      [
        '"I only sing when nobody can hear me," said {friend}. "So do I," said {hero}.',
        '"It is not finished," said {friend}. "I have looked for the end of it since {lastSeason}."',
      ],
      [
        "{Hero} thought for a moment, and then {he} played the end. It fitted like a [key in a lock|foot in a shoe].",
        "Then {hero} began to sing too, very softly, and the two songs were one.",
      ],
      [
        "The birds stopped to listen. Even {elder} came out and stood very still.",
        "When it was over, somebody clapped. It was {elder}, and behind {ehim} stood half of {village}.",
      ],
    ],
    [
      [
        "After that they met every evening, {place2.at}, and they were never alone again.",
        "Now there is music in {village} every Sunday, and those who cannot sing bring {food}.",
      ],
      [
        '"I thought that nobody would listen," said {hero}. "I thought so too," said {friend}. And they laughed.',
        "{Hero} still has forty songs, but now {he} has someone to sing them with, and so they are eighty.",
      ],
    ],
  ],
  morals: [
    "A song that is kept in a box is only half a song.",
    "Somewhere, someone is waiting for what you have to give.",
    "Two lonely songs can make one happy tune.",
  ],
};

const PROMISE: Plot = {
  titles: ["{Hero} Keeps a Promise", "Before the Sun Goes Down", "The Promise"],
  traits: "[helpful|merry|friendly|lively]",
  paragraphs: [
    [
      [
        "{His} friend {friend} the {fkind} was ill and had to stay in bed.",
        "{He} had a friend, a {fcoat} {fkind} called {friend}, who had caught a bad cold.",
      ],
      [
        '"I will bring you medicine from {elder}," {he} said, "before the sun goes down. I promise."',
        '"Only the herbs of {elder} can help," said the doctor. "I will get them before dark," {hero} promised.',
      ],
    ],
    [
      [
        "{Morning}, {he} set out. {Elder} lived a long way off, {place.at}.",
        "{Morning}, {he} took {his} bag and started on the long road {place.to}.",
      ],
      ["{weather}{aside}"],
      [
        '{Place2.at}, some young [hares|mice|otters] were playing ball. "Play with us, {hero}!" they called.',
        "{Place2.at} there was a fair, with [music and lights|a wheel that turned|a puppet show].",
      ],
      [
        '"I would love to," said {hero}, "but I have made a promise." And {he} walked on.',
        "{Hero} stood still for a moment. Then {he} thought of {friend}, and {his} feet began to move again.",
      ],
      [
        'A little later {he} smelled {food}. "Sit down and eat with us," said a [merry|fat|friendly] innkeeper.',
        "Under a tree lay a {thing} that somebody had lost, and {hero} wanted very much to look for its owner.",
      ],
      [
        '"Another day," said {hero}, and {he} swallowed and walked a little faster.',
        '"On the way back, if there is time," {he} said to {himself}.',
      ],
    ],
    [
      [
        "When {he} reached {elder}, the shadows were already long.",
        "At last {he} stood before {elder}, out of breath.",
      ],
      [
        '"Here are the herbs," said {elder}. "But it is late. Why do you not sleep here?"',
        '{Elder} gave {him} a small bag that smelled of mint. "You are tired," said {ehe}. "Stay the night."',
      ],
      [
        '"I promised," said {hero}, and {elder} nodded, as if that were the right answer.',
        '"Thank you," said {hero}, "but {friend} is counting the hours." And {he} ran.',
      ],
      [
        "{He} ran the whole way back without turning {his} head, and the sun sank lower and lower.",
        "{He} ran until there was a stone in {his} shoe, and then {he} ran with the stone.",
      ],
      [
        "The last red light was on the roof when {he} opened {friend}'s door.",
        "Just as the sun touched the hills, {he} knocked at {friend}'s window.",
      ],
    ],
    [
      [
        '"I knew that you would come," said {friend}. "How did you know?" asked {hero}. "You said so," said {friend}.',
        "{Friend} drank the tea and fell asleep, and {hero} sat by the bed until morning.",
      ],
      [
        "Three days later they went out to play together, and {hero} had never enjoyed anything so much.",
        "Soon {friend} was well again, and the first thing they did was to play ball, until the moon came up.",
      ],
    ],
  ],
  morals: [
    "A promise is a small thing to give and a great thing to keep.",
    "Those who keep their word need no other key.",
    "Play can wait, but a friend in need cannot.",
  ],
};

/** Stories of friendship and trust. */
export const FRIENDS_PLOTS: readonly Plot[] = [LOST, SHARING, MUSIC, PROMISE];
