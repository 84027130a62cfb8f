/** What a story is made of: a cast, the state of its world, and quests as data. Knows no sentences. */
import type { Slots } from "../template.ts";

/** The world as it stands between two sentences. */
export interface State {
  /** Where the hero is: a slot's name, `place` or `place2`, or at home. */
  at: "home" | "place" | "place2";
  /** Who has the thing; `nobody` while it is lost or broken. */
  thing: "none" | "hero" | "friend" | "nobody" | "both";
  weather: string;
  /** Has met the friend. */
  friend: boolean;
  /** No problem is open, so that something small may happen. */
  calm: boolean;
}

/** One thing that happens, told in one of several ways. */
export interface Stage {
  readonly say: readonly string[];
  /** Told so often; always where it is left out. */
  readonly often?: number;
  readonly sets?: Partial<State>;
  /** Begins a paragraph. */
  readonly paragraph?: boolean;
}

/** A story with its roles open: what happens to the hero, in order, each stage the cause of the next. */
export interface Quest {
  readonly name: string;
  readonly titles: readonly string[];
  /** The story in one line. */
  readonly summary: readonly string[];
  /** The hero owns the thing from the beginning. */
  readonly owns?: boolean;
  /** Has stages that count food. */
  readonly counts?: boolean;
  readonly weathers?: readonly string[];
  readonly stages: readonly Stage[];
  readonly lessons: readonly string[];
  /** Questions that the text answers, with the answer as a sentence and as a word. */
  readonly questions: readonly (readonly [question: string, sentence: string, short: string])[];
}

/** Something small on the way, where the state allows it. */
export interface Aside {
  readonly when: (state: State) => boolean;
  readonly then?: Partial<State>;
  readonly say: readonly string[];
}

/** A story that was told. */
export interface Story {
  readonly title: string;
  readonly text: string;
  /** Text before and from the sentence at which another may go on. */
  readonly paragraphs: readonly string[];
  readonly summary: string;
  readonly lesson: string;
  readonly names: readonly string[];
  readonly questions: readonly (readonly [question: string, sentence: string, short: string])[];
  readonly quest: string;
  readonly slots: Slots;
}
