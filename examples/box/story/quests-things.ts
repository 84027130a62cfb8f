/** Quests about things: lost, broken, shared, given, built. Data only. */
import type { Quest } from "./quest.ts";

const FEELS_LOSS = "{Hero} [was sad|felt sad|was close to tears|had a lump in {his} throat|wanted to cry]";

const LOST: Quest = {
  name: "lost",
  titles: ["The Lost {thing}", "{Hero} and the {colour} {thing}", "Where Is the {thing}?", "{A thing} Goes Missing"],
  summary: ["{Hero} loses {his} {thing} {at} and finds it again with the help of {friend}.", "{Friend} helps {hero} to find the lost {thing}."],
  owns: true,
  stages: [
    { say: ["One {weather} {daytime}, {hero} [went|walked|ran] to {place} with the {thing}.", "On a {weather} {daytime}, {hero} took the {thing} and [went|walked] to {place}."], sets: { at: "place" }, paragraph: true },
    { say: ["{weatherline}"], often: 0.6 },
    { say: ["{He} played {at} [for an hour|until noon|for a long time] and forgot [about the time|everything else].", "{He} [climbed|sat] on a [big stone|wall] and watched the [birds|clouds|people].", "There was so much to see {at} that {he} looked [left and right|up and down] all the time."] },
    { say: ["Then {he} looked [around|at {his} hands], and the {thing} was gone.", "When {he} wanted to go home, {he} saw that {he} had lost the {thing}.", "Suddenly {he} stopped. The {thing} was not there any more!", "But on the way back {he} found that {he} had lost the {thing}."], sets: { thing: "nobody", calm: false } },
    { say: [`${FEELS_LOSS}, because {he} [loved|liked] the {thing} [very much|more than anything].`, `${FEELS_LOSS}. "[Where can it be|Where did I leave it]?" {he} [asked|said].`, '"Oh no," said {hero}. "My {thing}!"'] },
    { say: ["{He} met {friend}, {friendintro}, and told {fhim} [what had happened|everything|about it].", "{Friend}, {friendintro}, came by and asked why {hero} looked so [sad|worried|unhappy]."], sets: { friend: true }, paragraph: true },
    { say: ['"[Do not cry|Do not worry|Do not be sad]," said {friend}. "[We will look for it together|Two can see more than one|I will help you]."', '"When did you see it last?" asked {friend}. That was a good question.', '"[Let us think|Think]," said {friend}. "[Where were you first|Where did you go today]?"'] },
    { say: ["They went to {place2} and looked [there|in every corner], but they found nothing.", "First they looked {at2}. [There was nothing|They found only {odd}].", "They searched {at2}, but there was only {odd}."], sets: { at: "place2" }, often: 0.7 },
    { say: ["Then they went back to {place}, step by step.", "So they walked back to {place} and looked at the ground.", "In the end they returned to {place}."], sets: { at: "place" } },
    { say: ["And there, {spot}, {friend} found the {thing}.", '"[Look|Here|I see something {colour}]!" cried {friend}. The {thing} was {spot}.', "{Hero} looked {spot}, and there it was: the {colour} {thing}.", "Something {colour} was shining {spot}. It was the {thing}!"], sets: { thing: "hero", calm: true } },
    { say: ["{Hero} [laughed|jumped for joy|was so happy] and [thanked {friend}|gave {friend} a hug].", '"Thank you, {friend}," said {hero}. "[You are a true friend|Without you I would still be looking]."', "{Hero} held the {thing} with both hands and did not let go [all the way home|until evening]."], paragraph: true },
    { say: ["From then on {hero} [took good care of|always looked after] the {thing}.", "They went home together, and {friend} was allowed to [hold|carry] the {thing}.", "That evening the {thing} lay [next to {his} bed|on {his} pillow|on the table], safe and sound."] },
  ],
  lessons: ["Four eyes see more than two.", "A friend helps you to look.", "Take care of what you love.", "Think before you search."],
  questions: [
    ["What did {hero} lose?", "{Hero} lost {his} {thing}.", "{thing}"],
    ["Who helped {hero}?", "{Friend} helped {hero}.", "{friend}"],
    ["What colour was the {thing}?", "The {thing} was {colour}.", "{colour}"],
    ["Where was the {thing}?", "The {thing} was {spot}.", "{spot}"],
  ],
}; // biome-ignore format: data

const BROKEN: Quest = {
  name: "broken",
  titles: ["The Broken {thing}", "{Friend} Says Sorry", "{Hero}, {Friend} and the {thing}"],
  summary: ["{Friend} breaks the {thing} of {hero}, says sorry, and they mend it together.", "{Hero} forgives {friend}, who broke the {thing}."],
  owns: true,
  stages: [
    { say: ["One {weather} {daytime}, {friend}, {friendintro}, came to play.", "On a {weather} {daytime}, {hero} met {friend}, {friendintro}, {at}."], sets: { friend: true, at: "place" }, paragraph: true },
    { say: ["{weatherline}"], often: 0.5 },
    { say: ['"May I [hold|try|have] your {thing}?" asked {friend}. "[Yes|Of course], but be careful," said {hero}.', "{Hero} showed {friend} the {thing}, and {friend} [wanted to try it|liked it at once].", "{Friend} looked at the {colour} {thing} with big eyes, and {hero} gave it to {fhim} [for a while|for a minute]."], sets: { thing: "friend" } },
    { say: ["{Friend} was [too wild|not careful], and the {thing} fell [on a stone|to the ground]. Crack! It was broken.", "But {friend} [slipped|stumbled over a root], and the {thing} broke in two.", "There was a [loud|terrible] noise, and then the {thing} was broken."], sets: { thing: "nobody", calm: false } },
    { say: ["{Hero} was [angry|very angry|sad and angry], because it was {his} favourite {thing}.", '"You broke it!" cried {hero}, and {his} eyes filled with tears.', "For a moment nobody said a word. Then {hero} [turned away|began to cry]."] },
    { say: ["{Friend} felt [bad|terrible]. {Fhe} wanted to run away, but {fhe} stayed.", "{Friend} [turned red|looked at {fhis} shoes]. {Fhe} could have blamed the [wind|cat|stone], but {fhe} did not."], paragraph: true },
    { say: ['"I am sorry," said {friend}. "[It was my fault|I did it]. [Can we mend it?|I want to make it good again.]"', '"It was me, and I am sorry," said {friend} [in a small voice|quietly].'] },
    { say: ["They went to {place2}, where {elder} [lived|worked] and had [glue|a pot of glue|glue and string].", "{Elder} [had seen it all and|heard them and] gave them [glue|glue and string|some glue and a brush]."] },
    { say: ["{Hero} held the pieces, and {friend} [put on the glue|glued them together].", "Piece by piece, the two of them put the {thing} together again.", "They worked [slowly|for an hour|until their fingers were sticky], and then the {thing} was whole again."], sets: { thing: "hero", calm: true } },
    { say: ["You could still see [a thin line|where it had been broken], but {hero} did not mind.", '"Now it is [even better|yours and a little bit mine]," said {friend}, and {hero} had to laugh.', '"[I am not angry any more|It is all right now]," said {hero}, and {he} meant it.'], paragraph: true },
    { say: ["Then they played together [until the sun went down|until it was time for supper|as before].", "After that they were better friends than ever.", "And the next day {friend} came again, and was [very|twice as] careful."] },
  ],
  lessons: ["Say that you are sorry, and then help to mend it.", "It is brave to tell the truth.", "Friends are worth more than things.", "What is broken can often be mended."],
  questions: [
    ["What was broken?", "The {thing} was broken.", "{thing}"],
    ["Who broke the {thing}?", "{Friend} broke the {thing}.", "{friend}"],
    ["Whose {thing} was it?", "It was the {thing} of {hero}.", "{hero}"],
    ["Why was {hero} angry?", "{Hero} was angry because {friend} broke the {thing}.", "{friend} broke the {thing}"],
  ],
}; // biome-ignore format: data

const SHARED: Quest = {
  name: "shared",
  titles: ["One {thing} for Two", "{Hero} Learns to Share", "My {thing}!", "The {colour} {thing}"],
  summary: ["{Hero} and {friend} both want one {thing} and learn to share it.", "{Hero} learns to share {his} {thing} with {friend}."],
  owns: true,
  stages: [
    { say: ["One {weather} {daytime}, {hero} was {at} with the {thing}, and {friend}, {friendintro}, was there too.", "On a {weather} {daytime}, {hero} took the {thing} to {place}. There {he} met {friend}, {friendintro}."], sets: { friend: true, at: "place" }, paragraph: true },
    { say: ["{weatherline}"], often: 0.5 },
    { say: ['"[Can I play too|May I have it for a while|Will you let me try]?" asked {friend}.', "{Friend} wanted to play with the {thing} too, and asked [nicely|twice|politely]."] },
    { say: ['"No," said {hero}. "[It is mine|The {thing} is mine, only mine]."', "But {hero} [held it tight|hid it behind {his} back] and [shook {his} head|said no]."], sets: { calm: false } },
    { say: ["So {friend} sat down [alone|under a tree|on a bench], and {hero} played alone. It was [boring|not much fun].", "{Friend} went [away|home] without a word. Now {hero} had the {thing}, but nobody to play with.", "{Hero} played alone, but after [a few minutes|a while] it was no fun."] },
    { say: ["{Hero} looked at {friend}, and {he} felt [bad|ashamed|lonely].", "{Elder} came by and asked, \"[Is it nice to play alone|Which is better, {a thing} or a friend]?\"", '"What is {a thing} without a friend?" thought {hero}.'], paragraph: true },
    { say: ['Then {he} went to {friend} and said, "[First you, then me|We can take turns|You can have it now]."', '"I am sorry, {friend}," said {hero}. "[Let us play together|Please take it for a while]."'], sets: { thing: "both", calm: true } },
    { say: ["{Friend} smiled, and they took turns [all afternoon|until evening|again and again].", "They found a game for two, and it was [the best game of the summer|much more fun].", "First {friend} had the {thing}, then {hero}, and they [counted to twenty|laughed] each time."] },
    { say: ["On the way home, {friend} gave {hero} [a cookie|half of an apple|a round stone], because {fhe} wanted to share too.", '"Tomorrow I will bring [something of mine|my toys]," said {friend}.', "That night {hero} [fell asleep with a smile|was happy], for {he} had [{a thing} and a friend|found a friend]."], paragraph: true },
  ],
  lessons: ["Joy grows when you share it.", "A game for two is better than a game for one.", "To share is to have a friend."],
  questions: [
    ["What did {hero} and {friend} share?", "They shared the {thing}.", "{thing}"],
    ["Who wanted to play with the {thing} too?", "{Friend} wanted to play with it too.", "{friend}"],
    ["Where did they play?", "They played {at}.", "{at}"],
    ["What colour was the {thing}?", "The {thing} was {colour}.", "{colour}"],
  ],
}; // biome-ignore format: data

const GIFT: Quest = {
  name: "gift",
  titles: ["A Gift for {friend}", "{Friend}'s Birthday", "The {colour} Surprise", "{Hero} Gives {a thing}"],
  summary: ["{Hero} has no money, so {he} works for {elder} to get {a thing} for {friend}.", "{Hero} earns {a colour} {thing} and gives it to {friend} as a gift."],
  stages: [
    { say: ["One {weather} {daytime}, {hero} remembered that it was the birthday of {his} friend {friend}.", "It was the birthday of {friend}, {friendintro}, and {hero} had no gift."], sets: { friend: true }, paragraph: true },
    { say: ["{weatherline}"], often: 0.4 },
    { say: ["{He} looked into {his} [purse|money box], but it was empty.", "{He} had no money, not even [one coin|a penny].", '"What can I give {fhim}?" {he} thought. "I have no money at all."'], sets: { calm: false } },
    { say: ["So {he} went to {place}, where {elder} had [a lot of work|too much to do].", "{He} went to {place} and asked {elder} for work."], sets: { at: "place" }, paragraph: true },
    { say: ["{He} [swept the floor|carried wood|washed the windows|cleaned the steps] and [fed the hens|cleaned the pots|carried water] until {he} was tired.", "[All day|For three hours] {he} [carried boxes|mended bags|stacked wood|washed plates], and {he} did not complain."] },
    { say: ["\"You worked well,\" said {elder}, and gave {him} {a colour} {thing}.", "In the end {elder} gave {him} {a colour} {thing} and said, \"[This is for you|You have earned it].\""], sets: { thing: "hero", calm: true } },
    { say: ["It was [so pretty|so fine] that {hero} wanted to keep it. But {he} thought of {friend}.", "{Hero} [wrapped it in paper|hid it under {his} coat] and ran to the house of {friend}."] },
    { say: ['"Happy birthday!" said {hero}, and gave {friend} the {thing}.', "{Friend} opened the door, and {hero} gave {fhim} the {thing}."], sets: { thing: "friend" }, paragraph: true },
    { say: ["{Friend} [laughed with joy|could not believe it|danced around the room]. \"[I always wanted one|It is the best gift of all]!\"", '"For me?" asked {friend}. "[How beautiful|It is wonderful]!"'] },
    { say: ["They ate {meal} together, and the {colour} {thing} lay on the table [between them|where everyone could see it].", "{Hero} was tired, but {he} was [happier|prouder] than ever.", "To see {friend} so happy was the best pay for all the work."] },
  ],
  lessons: ["A gift that cost you work is worth the most.", "To give makes two people happy.", "Work well, and you will have something to give."],
  questions: [
    ["Whose birthday was it?", "It was the birthday of {friend}.", "{friend}"],
    ["What did {hero} give to {friend}?", "{Hero} gave {friend} {a colour} {thing}.", "{a colour} {thing}"],
    ["For whom did {hero} work?", "{Hero} worked for {elder}.", "{elder}"],
    ["Why did {hero} work?", "{Hero} worked because {he} had no money for a gift.", "{he} had no money for a gift"],
  ],
}; // biome-ignore format: data

const COUNT: Quest = {
  name: "count",
  titles: ["{Hero} and the {food}", "How Many {food} Are Left?", "{Food} for {friend}"],
  summary: ["{Hero} has {n} {food} and gives {m} of them to {friend}.", "{Hero} shares {his} {food} with {friend} and keeps {left}."],
  counts: true,
  weathers: ["sunny", "windy", "cloudy", "foggy"],
  stages: [
    { say: ["One {weather} {daytime}, {hero} went to {place} and [picked|bought|found] {n} {food}.", "On a {weather} {daytime}, {elder} gave {hero} {n} {food}."], sets: { at: "place" }, paragraph: true },
    { say: ["{weatherline}"], often: 0.5 },
    { say: ['"{N}!" said {hero} [proudly|happily]. "[That is a lot|All for me]."', "{He} counted them [twice|on {his} fingers]. Yes, there were {n} {food}.", "{He} put them into [a paper bag|{his} pockets] and [whistled|hummed] a song."] },
    { say: ["On the way home {he} met {friend}, {friendintro}, who [looked hungry|had eaten nothing all day].", "Then {friend}, {friendintro}, came along. {Fhis} stomach [was empty|growled like a bear]."], sets: { friend: true }, paragraph: true },
    { say: ['"[I am so hungry|I had no breakfast]," said {friend}.', "{Friend} looked at the {food}, but was too [shy|proud] to ask.", '"[May I have some|Are those {food}]?" asked {friend}.'] },
    { say: ["{Hero} gave {m} {food} to {friend} and kept {left}.", "So {hero} gave {friend} {m} {food}. Now {he} had {left} {food} left."] },
    { say: ["They sat down {at} and ate [slowly|together], and the {food} tasted [wonderful|better than ever].", "{Friend} ate them [one by one|at once] and smiled from ear to ear."], sets: { at: "place" } },
    { say: ['"Why did you share?" asked {friend}. "Because {left} {food} and a friend are better than {n} {food} alone," said {hero}.', '"Thank you," said {friend}. "Next time I will share with you."', "{Hero} had fewer {food} than before, but {he} was [happier|in a better mood]."], paragraph: true },
  ],
  lessons: ["Sharing is a sum that always comes out right.", "What you give away comes back as friendship."],
  questions: [
    ["How many {food} did {hero} have first?", "{Hero} had {n} {food}.", "{n}"],
    ["How many {food} did {hero} give to {friend}?", "{Hero} gave {m} {food} to {friend}.", "{m}"],
    ["How many {food} were left?", "{Hero} had {left} {food} left.", "{left}"],
    ["Who was hungry?", "{Friend} was hungry.", "{friend}"],
  ],
}; // biome-ignore format: data

export const THING_QUESTS: readonly Quest[] = [LOST, BROKEN, SHARED, GIFT, COUNT];
