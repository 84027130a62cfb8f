/** Sentences with a feeling: what they are about, and words that praise and blame. Data only. */

/** Subjects that take the same words. */
export interface Sentiment {
  readonly subjects: readonly string[];
  readonly good: readonly string[];
  readonly bad: readonly string[];
  readonly frames: readonly string[];
}

const list = (text: string): readonly string[] => text.split(",").map((each) => each.trim());

export const SENTIMENTS: readonly Sentiment[] = [
  {
    subjects: list("soup, cake, bread, pie, salad, cheese, dinner, breakfast, pizza, tea, pudding, sandwich"),
    good: list("delicious, fresh, wonderful, warm and tasty, excellent, very good, perfect"),
    bad: list("cold, awful, burnt, terrible, much too salty, stale, disgusting"),
    frames: ["The {subject} was {word}.", "I ate the {subject}, and it was {word}.", "Everyone said that the {subject} was {word}.", "Our {subject} yesterday was {word}, [really|truly|I must say].", "I tried the {subject}. It was {word}."],
  },
  {
    subjects: list("film, book, song, concert, play, story, game, show, picture, party, trip, lesson"),
    good: list("exciting, beautiful, great, funny, wonderful, a joy, brilliant, lovely"),
    bad: list("boring, bad, ugly, much too long, terrible, a waste of time, dull, awful"),
    frames: ["The {subject} was {word}.", "I think that the {subject} was {word}.", "We all found the {subject} {word}.", "My [sister|brother|friend] said the {subject} was {word}.", "What a {subject}! It was {word}."],
  },
  {
    subjects: list("waiter, teacher, driver, doctor, neighbour, guide, clerk, team, nurse, baker"),
    good: list("kind, helpful, friendly, polite, patient, great"),
    bad: list("rude, unfriendly, late, lazy, impatient, careless"),
    frames: ["The {subject} was {word}.", "The {subject} was very {word} to us.", "I have never met a {subject} who was so {word}.", "Our {subject} is always {word}."],
  },
  {
    subjects: list("room, house, hotel, bed, garden, shop, train, station, school, beach"),
    good: list("clean, quiet, bright, comfortable, lovely, cosy"),
    bad: list("dirty, loud, dark, cold, smelly, broken"),
    frames: ["The {subject} was {word}.", "[All of us|Both of us] noticed how {word} the {subject} was.", "When we arrived, the {subject} was {word}.", "The {subject} is {word}, as always."],
  },
]; // biome-ignore format: tables
