/** How much of a prompt is read between two steps of texts that are being written, so that these keep their pace. Pure. */

/** What is learned of a machine's speed, and what follows from it. */
export interface Pace {
  /** A step of texts took so long. */
  wrote(ms: number): void;
  /** So many tokens of a prompt took so long. */
  read(tokens: number, ms: number): void;
  /**
   * Of `left` tokens of a prompt, one of `prompts` that are to be read, those to read now; 0 while the texts that are being written have a turn of
   * their own. The more prompts there are, the less these texts keep their pace: a step makes more tokens with them all.
   */
  tokensToRead(left: number, prompts: number, isWriting: boolean): number;
}

/** Most tokens at once, and most milliseconds of them: nobody is heard meanwhile. */
const MOST_TOKENS = 512;
const MOST_MS = 400;
/** A processor computes with so many tokens at once nearly as fast as with hundreds. */
const FEW_TOKENS = 8;
/** A step may take so much longer for it, each time. */
const SHARE = 0.4;
/** Where {@link FEW_TOKENS} take longer than that, one step in so many is held up, and the others not at all. */
const EVERY = 21;
/** Figures that are looked back on: their middle one is not moved by a machine that was busy for a moment. */
const LAST_STEPS = 15;
const LAST_READS = 5;

/** A pace that knows nothing yet. */
export function createPace(): Pace {
  const lastSteps = createRecent(LAST_STEPS);
  const lastReads = createRecent(LAST_READS);
  let steps = 0;
  const within = (ms: number) => {
    const msPerToken = lastReads.middle();
    if (msPerToken === undefined) return FEW_TOKENS;
    return Math.max(1, Math.min(MOST_TOKENS, Math.floor(ms / msPerToken)));
  };
  return {
    wrote(ms) {
      lastSteps.push(ms);
      steps++;
    },
    read(tokens, ms) {
      lastReads.push(ms / tokens);
      steps = 0;
    },
    tokensToRead(left, prompts, isWriting) {
      const stepMs = lastSteps.middle();
      if (!isWriting || stepMs === undefined) return Math.min(left, within(MOST_MS));
      const few = within(SHARE * prompts * stepMs);
      if (few >= FEW_TOKENS) return Math.min(left, few);
      const many = Math.max(FEW_TOKENS, within(Math.min(MOST_MS, EVERY * stepMs)));
      // A prompt that is read in one go holds the others up once, and need not wait long.
      if (left <= many) return steps === 0 ? 0 : left;
      return steps < EVERY / prompts ** 2 ? 0 : many;
    },
  };
}

/** The last figures of so many. */
function createRecent(most: number) {
  const values: number[] = [];
  return {
    push(value: number) {
      values.push(value);
      if (values.length > most) values.shift();
    },
    middle: (): number | undefined => values.toSorted((a, b) => a - b)[values.length >> 1],
  };
}
