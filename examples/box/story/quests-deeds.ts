/** Quests about deeds: rescues, fears, weather, gardens, building, the truth. Data only. */
import type { Quest } from "./quest.ts";

const RESCUE: Quest = {
  name: "rescue",
  titles: ["The Little {pet}", "{Hero} Helps a {pet}", "Up in the Tree", "A {pet} in Trouble"],
  summary: ["{Hero} and {friend} rescue a little {pet} that is stuck.", "A little {pet} is stuck {trap}, and {hero} and {friend} get it out."],
  stages: [
    { say: ["One {weather} {daytime}, {hero} [went|walked] to {place}.", "On a {weather} {daytime}, {hero} was on the way to {place}."], sets: { at: "place" }, paragraph: true },
    { say: ["{weatherline}"], often: 0.6 },
    { say: ["Suddenly {he} heard a [small|thin|sad] voice. It came from a little {pet} that was stuck {trap}.", "There {he} saw a little {pet}. It was stuck {trap} and [shook with fear|could not move].", "{He} stopped, because something was crying. A little {pet} was stuck {trap}!"], sets: { calm: false } },
    { say: ['"[Poor thing|You poor little {pet}]," said {hero}. "[I will help you|Wait, I am coming]."', "{He} tried to reach it, but {his} arms were too short.", "{He} pulled and pulled, but alone {he} was not strong enough."] },
    { say: ["So {he} ran to get {friend}, {friendintro}.", "{He} called for {his} friend {friend}, who [lived close by|was not far away].", "Then {friend}, {friendintro}, came along the path."], sets: { friend: true }, paragraph: true },
    { say: ["{Friend} brought a [long rope|ladder|strong stick], and {hero} [held it|held it tight].", '"[I have an idea|I know what to do]," said {friend}, and fetched a [ladder|rope|blanket].', '"You hold, and I pull," said {friend}. "One, two, three!"'] },
    { say: ["Slowly, very slowly, they got the {pet} out.", "At the third try the little {pet} was free.", "It took a long time, but at last the {pet} was safe in the arms of {hero}."], sets: { calm: true } },
    { say: ["The {pet} [shook itself|looked at them with shining eyes] and [licked|touched] the hand of {hero}.", "They gave it [some water|a little milk|some crumbs], and soon it was [strong|happy] again.", "{Hero} [stroked its head|wrapped it in {his} coat] until it was [warm|calm]."] },
    { say: ["From that day on, the {pet} [followed them everywhere|came to visit {hero} every morning].", "Then it ran home to its mother, and both of them [waved|were glad].", "They named it [Patch|Crumb|Pebble|Dot] and visited it often."], paragraph: true },
  ],
  lessons: ["Together we are strong enough.", "No one is too small to be helped.", "A good deed makes a good friend."],
  questions: [
    ["Which animal was in trouble?", "A little {pet} was in trouble.", "{pet}"],
    ["Where was the {pet} stuck?", "The {pet} was stuck {trap}.", "{trap}"],
    ["Who helped {hero}?", "{Friend} helped {hero}.", "{friend}"],
  ],
}; // biome-ignore format: data

const FEAR: Quest = {
  name: "fear",
  weathers: ["sunny", "windy", "cloudy"],
  titles: ["{Hero} Is Afraid", "Brave {hero}", "{Hero} Learns to {skill}", "One Step at a Time"],
  summary: ["{Hero} is afraid of {dread}, but {friend} helps {him} to be brave.", "With the help of {friend}, {hero} is no longer afraid of {dread}."],
  stages: [
    { say: ["But {hero} had a secret: {he} was afraid of {dread}.", "{He} was not afraid of much, only of {dread}.", "There was one thing that {he} never told anyone: {he} was afraid of {dread}."], sets: { calm: false } },
    { say: ["One {weather} {daytime}, {friend}, {friendintro}, came and said, \"Come with me to {place}! I want to {skill}.\"", "On a {weather} {daytime}, {hero} met {friend}, {friendintro}, who wanted to {skill}."], sets: { friend: true }, paragraph: true },
    { say: ["{weatherline}"], often: 0.4 },
    { say: ["{Hero} [turned pale|looked at the ground]. \"[I cannot|I do not want to],\" {he} said.", "{Hero} wanted to say yes, but {his} [knees shook|heart beat like a hammer].", '"I have a stomach ache," said {hero}, but that was not true.'] },
    { say: ['"Are you afraid?" asked {friend} [kindly|softly]. {Hero} nodded.', "{Friend} did not laugh. \"I was afraid too, once,\" {fhe} said.", '"You can tell me," said {friend}. So {hero} told {fhim} the truth.'] },
    { say: ['"[We will take small steps|We will go slowly]," said {friend}. "[Hold my hand|I am right beside you]."', '"Try it for [as long as you can hold your breath|one minute]," said {friend}. "Then we stop."'], paragraph: true },
    { say: ["The first time, {hero} [closed {his} eyes|counted to five and ran away]. The second time, {he} stayed a little longer.", "First {he} only watched. Then {he} tried it, and {friend} stayed close.", "{He} took a deep breath and tried. It was hard, but not as bad as {he} had thought."] },
    { say: ["And then {he} did it! {Hero} could {skill}, and {friend} clapped {fhis} hands.", "After [three days|a week] {hero} could {skill} [as well as {friend}|all alone].", "In the evening {hero} could {skill}, and {he} did not want to stop."], sets: { calm: true } },
    { say: ['"I was afraid the whole time," said {hero}. "That is what brave means," said {friend}.', "{Hero} was so proud that {he} told [everyone|the whole street].", "Now {hero} was the one who helped others who were afraid."], paragraph: true },
  ],
  lessons: ["Brave is who is afraid and tries.", "Small steps lead far.", "A friend's hand makes you brave."],
  questions: [
    ["What was {hero} afraid of?", "{Hero} was afraid of {dread}.", "{dread}"],
    ["Who helped {hero} to be brave?", "{Friend} helped {hero} to be brave.", "{friend}"],
    ["What did {hero} learn?", "{Hero} learned to {skill}.", "to {skill}"],
  ],
}; // biome-ignore format: data

const RAIN: Quest = {
  name: "rain",
  titles: ["Caught in the Rain", "The Storm", "{Hero}, {friend} and the Rain"],
  summary: ["{Hero} and {friend} get wet in the rain and get warm again at the house of {elder}.", "A storm surprises {hero} and {friend}, and {elder} lets them in."],
  weathers: ["sunny", "windy", "cloudy"],
  stages: [
    { say: ["One {weather} {daytime}, {hero} and {his} friend {friend} [went|walked|set out] to {place}.", "On a {weather} {daytime}, {hero} met {friend}, {friendintro}, and they [went|walked] to {place} together."], sets: { at: "place", friend: true }, paragraph: true },
    { say: ["{weatherline}"], often: 0.5 },
    { say: ["They [picked flowers|collected stones|looked for snails|told each other riddles] and did not look at the sky.", "{Friend} wanted to [count birds|look for frogs], and {hero} wanted to [rest|sing], so they did both."] },
    { say: ["Then [dark clouds|black clouds] came, and it began to rain.", "Suddenly there was [thunder|a flash and a bang], and it began to rain.", "A drop fell on the nose of {hero}. Then it began to rain [hard|cats and dogs]."], sets: { weather: "rainy", calm: false } },
    { say: ["In a minute they were wet [from head to foot|to the skin].", "They ran, but the rain was faster, and soon they were [wet and cold|as wet as fish].", "{Hero} shivered, and the teeth of {friend} [chattered|knocked together]."] },
    { say: ["\"[Over there|Look]!\" cried {friend}. There was a light in a window. It was the house of {elder}.", "{Hero} saw a small house. {Elder} stood in the door and waved."], paragraph: true },
    { say: ["\"[Come in, quick|Come in, you two],\" said {elder}, and gave them [dry socks|towels|warm blankets].", "They knocked, and {elder} let them in and [made a fire|put wood on the fire]."] },
    { say: ["They sat by the fire and ate {meal}, and soon they were warm again.", "There was {meal}, and {hero} and {friend} ate until they were full and warm."] },
    { say: ["Outside it thundered, but inside {elder} told them a [funny|long|strange] story.", "They listened to the drops on the roof and [counted the thunder|felt safe]."], often: 0.7 },
    { say: ["After an hour the rain stopped, and [a rainbow stood over the hills|the sun came out].", "In the evening the rain stopped, and they walked home [through the puddles|under the stars]."], sets: { weather: "clear", calm: true } },
    { say: ["The next day they brought {elder} [a bunch of flowers|a basketful of thanks|a picture of a rainbow] to say thank you.", "\"[That was the best storm ever|I hope that it rains again soon],\" said {friend}, and {hero} laughed."], paragraph: true },
  ],
  lessons: ["After every rain the sun comes back.", "An open door is the best roof.", "Look at the sky before you go far."],
  questions: [
    ["Why were {hero} and {friend} wet?", "They were wet because it began to rain.", "it began to rain"],
    ["Who let them in?", "{Elder} let them in.", "{elder}"],
    ["What did they eat?", "They ate {meal}.", "{meal}"],
    ["Where did they go?", "They went to {place}.", "{place}"],
  ],
}; // biome-ignore format: data

const GARDEN: Quest = {
  name: "garden",
  titles: ["The Little Seed", "{Hero}'s Garden", "{Hero} and the {plant}", "Wait and See"],
  summary: ["{Hero} plants a seed, waits with {friend}, and in the end there is a {plant}.", "{Hero} learns to wait until {his} {plant} has grown."],
  weathers: ["sunny", "cloudy", "windy"],
  stages: [
    { say: ["One {weather} {daytime} in spring, {elder} gave {hero} a seed. \"It will be a {plant},\" said {elder}.", "On a {weather} spring {daytime}, {hero} found a seed. {Elder} said that it was the seed of a {plant}."], paragraph: true },
    { say: ["{Hero} dug a [small|deep] hole, put the seed in, and gave it water.", "{Hero} planted it behind the house, where the earth was [dark|soft], and watered it."] },
    { say: ["The next morning {he} ran out to look. There was nothing but earth.", "{He} waited one day, two days, three days. Nothing [happened|was to be seen]."], sets: { calm: false } },
    { say: ['"[It does not grow|My seed is asleep]," said {hero}, and {he} wanted to dig it up.', "{Hero} became impatient and took a spoon to dig it up again."], paragraph: true },
    { say: ["\"Stop!\" said {friend}, {friendintro}. \"[A seed needs time|It needs water, sun and time].\"", "But {friend}, {friendintro}, held {his} hand. \"[Wait|Give it time],\" {fhe} said."], sets: { friend: true } },
    { say: ["So they watered it every day and [sang to it|told it stories].", "Every day {hero} brought water, and {friend} [pulled out the weeds|chased the snails away]."] },
    { say: ["After [two weeks|ten days], a tiny green leaf came out of the earth.", "Then, one morning after the rain, there was a green tip, no bigger than a fingernail."], sets: { calm: true } },
    { say: ["It grew and grew, and in summer it was a {plant} [taller than {hero}|as tall as the door].", "Week by week it grew, and in late summer there stood a fine {plant}."], paragraph: true },
    { say: ["{Hero} and {friend} sat [in front of it|beside it] and [looked at it for a long time|were proud].", '"We waited well," said {friend}. "[And now we have a {plant}|It was worth it]," said {hero}.'] },
    { say: ["{Hero} kept [three|five|some] of its seeds for the next year and gave the others to {friend}.", "They thanked {elder}, who only smiled and gave them the next seed."] },
  ],
  lessons: ["Good things need time.", "Who cannot wait will never see a flower.", "Water, sun and patience make a garden."],
  questions: [
    ["What grew out of the seed?", "A {plant} grew out of the seed.", "{plant}"],
    ["Who told {hero} to wait?", "{Friend} told {hero} to wait.", "{friend}"],
    ["What did {hero} want to do with the seed?", "{Hero} wanted to dig it up.", "dig it up"],
  ],
}; // biome-ignore format: data

const BUILD: Quest = {
  name: "build",
  titles: ["The {building}", "{Hero} and {friend} Build a {building}", "Try Again"],
  summary: ["{Hero} and {friend} build a {building}. It falls down, and they build it again, better.", "{Hero} and {friend} do not give up and finish their {building}."],
  stages: [
    { say: ["One {weather} {daytime}, {hero} had an idea: {he} wanted to build a {building} {at}.", "On a {weather} {daytime}, {hero} said to {his} friend {friend}, \"Let us build a {building} {at}!\""], paragraph: true },
    { say: ["{weatherline}"], often: 0.4 },
    { say: ["{He} asked {friend}, {friendintro}, and {fhe} said yes [at once|before {he} had finished].", "{Friend}, {friendintro}, [loved the idea|came with a hammer and a saw]."], sets: { friend: true, at: "place" } },
    { say: ["They [collected|carried] {stuff} and worked [all morning|until their arms hurt].", "{Hero} brought {stuff}, and {friend} put everything together."] },
    { say: ["But when {hero} [touched it|leaned on it], it fell down with a crash.", "Then a gust of wind came, and the whole {building} fell down.", "It looked fine. Then it [shook|creaked], and it fell down."], sets: { calm: false } },
    { say: ["{Hero} [kicked a stone|threw {his} hammer into the grass]. \"[I give up|It will never work],\" {he} said.", "They sat down in the middle of the mess, and nobody said a word."], paragraph: true },
    { say: ['"Why did it fall?" asked {friend}. "[Because it had no strong legs|Because we were too fast]," said {hero} after a while.', "{Elder} looked at it and said, \"[Begin with what carries the rest|Strong feet first, then the head].\""] },
    { say: ["So they began again, and this time they [went slowly|drew a plan first|tied every corner].", "They took the longest pieces for the bottom, and {friend} tied them with rope."] },
    { say: ["In the evening the {building} stood, and it did not [move|shake] at all.", "And this time it held, even when both of them [jumped|pushed]."], sets: { calm: true } },
    { say: ["{Hero} and {friend} ate {meal} beside their {building} and were [proud|tired and happy].", "Everyone came to see the {building}, and {elder} said, \"[Well done|Good work].\""], paragraph: true },
    { say: ['"I am glad that it fell down," said {hero}. "Now we know how it is done."', '"What do we build tomorrow?" asked {friend}.'], often: 0.8 },
  ],
  lessons: ["If it falls down, ask why, and build it again.", "Two heads and four hands can build anything.", "Do not give up after the first try."],
  questions: [
    ["What did {hero} and {friend} build?", "They built a {building}.", "{building}"],
    ["What happened to the first {building}?", "It fell down.", "it fell down"],
    ["Where did they build it?", "They built it {at}.", "{at}"],
  ],
}; // biome-ignore format: data

const TRUTH: Quest = {
  name: "truth",
  titles: ["Who Ate the {food}?", "{Hero} Tells the Truth", "Crumbs"],
  summary: ["{Hero} eats the {food} of {elder}, and in the end {he} tells the truth.", "{Hero} lies about the {food}, feels bad, and tells the truth."],
  stages: [
    { say: ["One {weather} {daytime}, {hero} came to the house of {elder}. On the table stood a plate of {food}.", "On a {weather} {daytime}, {elder} put a plate of {food} on the window sill, and {hero} saw it."], paragraph: true },
    { say: ["They smelled [so good|wonderful]. {Hero} ate one, and then another, and then the plate was empty.", "{He} only wanted to taste one. But one was not enough, and soon all the {food} were gone."], sets: { calm: false } },
    { say: ["\"Who ate my {food}?\" asked {elder}. \"[The cat|The birds|The wind],\" said {hero}.", "{Elder} came back. \"Where are my {food}?\" \"I do not know,\" said {hero} and [turned red|looked away]."] },
    { say: ["{Friend}, {friendintro}, had seen it all, but {fhe} [said nothing|only looked at {hero}].", "Outside {he} met {friend}, {friendintro}. \"You have [sugar|crumbs] on your chin,\" said {friend}."], sets: { friend: true }, paragraph: true },
    { say: ["That night {hero} could not sleep. {His} stomach hurt, and {his} heart hurt more.", "{Hero} felt as if {he} had [swallowed a stone|a stone in {his} stomach]."] },
    { say: ['"What shall I do?" {he} asked {friend}. "[Tell the truth|Say it, and it will be lighter]," said {friend}.', "\"A lie is heavy,\" said {friend}. \"[Put it down|Do not carry it any longer].\""] },
    { say: ["So {hero} went back and said, \"It was me. I ate the {food}, and I am sorry.\"", "The next morning {hero} knocked at the door. \"I ate your {food},\" {he} said. \"I am sorry.\""], sets: { calm: true }, paragraph: true },
    { say: ["{Elder} was silent for a while. \"Thank you for the truth,\" {ehe} said then.", "{Elder} was not angry any more. \"[Now help me to make new ones|Come in and help me],\" {ehe} said."] },
    { say: ["They made new {food} together, and {friend} was allowed to taste the first one.", "{Hero} helped in the kitchen all day, and in the evening {he} slept [like a stone|very well]."] },
  ],
  lessons: ["The truth is light, and a lie is heavy.", "It is never too late to tell the truth.", "Who says sorry sleeps well."],
  questions: [
    ["Who ate the {food}?", "{Hero} ate the {food}.", "{hero}"],
    ["Whose {food} were they?", "They were the {food} of {elder}.", "{elder}"],
    ["Who told {hero} to tell the truth?", "{Friend} told {hero} to tell the truth.", "{friend}"],
  ],
}; // biome-ignore format: data

const SICK: Quest = {
  name: "sick",
  titles: ["{Friend} Is Ill", "A Visit", "Soup for {friend}", "{Hero} Brings {food}"],
  summary: ["{Friend} is ill, and {hero} visits {fhim} with {meal}.", "{Hero} cheers up {friend}, who is ill in bed."],
  stages: [
    { say: ["One {weather} {daytime}, {hero} waited for {his} friend {friend} {at}, but {friend} did not come.", "On a {weather} {daytime}, {hero} wanted to play with {friend}, {friendintro}. But nobody opened the window."], sets: { at: "place", friend: true }, paragraph: true },
    { say: ["{weatherline}"], often: 0.4 },
    { say: ["\"{Friend} is ill and has to stay in bed,\" said {elder}.", "Then {elder} told {him} that {friend} had a fever and was in bed."], sets: { calm: false } },
    { say: ["{Hero} was [sorry|worried]. \"[How boring it must be in bed|{Friend} must be lonely],\" {he} thought.", "{Hero} could not play alone. {He} thought of {friend} all the time."] },
    { say: ["So {he} went home and [made|asked for] {meal}.", "{He} ran home, packed {meal}, and drew a picture of a [bear|ship|rainbow|dancing cow]."], sets: { at: "home" }, paragraph: true },
    { say: ["{Friend} lay in bed with a [red nose|scarlet face|thick blanket] and smiled when {hero} came in.", '"You came!" said {friend} [with a weak voice|and sat up].'] },
    { say: ["{Friend} ate {meal}, and {hero} [read to {fhim}|told {fhim} jokes|sang a silly song].", "{Hero} sat beside the bed and told {fhim} [about the clouds outside|all that had happened]."] },
    { say: ["They laughed so much that {friend} [forgot {fhis} fever|felt better at once].", "When {hero} left, {friend} was asleep and had a little smile on {fhis} face."], sets: { calm: true } },
    { say: ["Three days later {friend} was well again and [stood at the door|knocked at the window]: \"Shall we play?\"", "The week after, {friend} was well, and they ran to {place} [as fast as they could|hand in hand]."], paragraph: true },
    { say: ['"It was the {medicine}," said {friend}. "No, it was you," {fhe} said then, and laughed.', "And when {hero} had a cold in the winter, {friend} came every day."] },
  ],
  lessons: ["A visit is good medicine.", "A friend does not forget you when you are ill.", "Laughing makes you well."],
  questions: [
    ["Who was ill?", "{Friend} was ill.", "{friend}"],
    ["What did {hero} bring?", "{Hero} brought {meal}.", "{meal}"],
    ["Who told {hero} that {friend} was ill?", "{Elder} told {hero}.", "{elder}"],
  ],
}; // biome-ignore format: data

const WAY: Quest = {
  name: "way",
  titles: ["{Hero} Finds the Way", "Lost in the Dark", "Follow the {guide}", "The Long Way Home"],
  summary: ["{Hero} and {friend} lose their way and follow the {guide} home.", "{Hero} and {friend} are lost {at}, but the {guide} shows them the way."],
  stages: [
    { say: ["One {weather} {daytime}, {hero} and {his} friend {friend} [went|walked] to {place}.", "On a {weather} {daytime}, {friend}, {friendintro}, wanted to see {place}, and {hero} went with {fhim}."], sets: { at: "place", friend: true }, paragraph: true },
    { say: ["{weatherline}"], often: 0.4 },
    { say: ["They followed a [butterfly|beetle|funny little path] and went farther and farther.", "They talked so much that they did not look where they went."] },
    { say: ["When it grew dark, they did not know the way any more.", "\"Where are we?\" asked {friend}. {Hero} did not know, and it was getting dark."], sets: { calm: false } },
    { say: ["{Friend} was afraid and held the hand of {hero}.", "An owl called, and {friend} came a little closer.", "Every tree looked like the one before, and both of them were afraid."] },
    { say: ['"[Do not run|Let us sit down and think]," said {hero}. "Who runs gets lost even more."', "{Hero} was afraid too, but {he} closed {his} eyes and thought."], paragraph: true },
    { say: ['Then {he} remembered: "{Guidetip}"', "{Elder} had once told {him}: \"{Guidetip}\""] },
    { say: ["So they followed the {guide}, step by step, and [sang softly|counted their steps].", "Hand in hand they followed the {guide}, over roots and stones."] },
    { say: ["And there, at last, they saw the lights of the houses.", "After an hour they smelled smoke, and then they saw their street."], sets: { calm: true, at: "home" } },
    { say: ["{Elder} was already looking for them and [hugged them both|shook a finger, but smiled].", "They were tired and hungry, and there was {meal} for both of them."], paragraph: true },
    { say: ["\"You kept a cool head,\" said {friend}, and {hero} was [proud|a little proud].", "That night they dreamed of the {guide}."] },
  ],
  lessons: ["Who thinks finds the way.", "Stay calm, and the way will show itself.", "Do not go farther than you can find back."],
  questions: [
    ["What did they follow?", "They followed the {guide}.", "{guide}"],
    ["Who was with {hero}?", "{Friend} was with {hero}.", "{friend}"],
    ["Where did they get lost?", "They got lost {at}.", "{at}"],
  ],
}; // biome-ignore format: data

export const DEED_QUESTS: readonly Quest[] = [RESCUE, FEAR, RAIN, GARDEN, BUILD, TRUTH, SICK, WAY];
