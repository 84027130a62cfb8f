/** Rules that end a text, as transformers.js has them: objects with a `_call`, or functions. Knows no models. */

/** True for each row that is to end. `ids` are the prompt's and the new ones. */
export type StoppingCall = (ids: number[][], scores?: unknown) => boolean[] | boolean;

/** A rule: a function, or an object of a class that extends {@link StoppingCriteria}. */
export type Stopping = StoppingCall | { _call(ids: number[][], scores?: unknown): boolean[] | boolean };

/** What one's own rules extend. */
export abstract class StoppingCriteria {
  abstract _call(ids: number[][], scores?: unknown): boolean[] | boolean;
}

/** Ends the text when told to, from outside. */
export class InterruptableStoppingCriteria extends StoppingCriteria {
  interrupted = false;

  interrupt(): void {
    this.interrupted = true;
  }

  reset(): void {
    this.interrupted = false;
  }

  _call(ids: number[][]): boolean[] {
    return ids.map(() => this.interrupted);
  }
}

/** Rules of which any ends a text. */
export class StoppingCriteriaList extends StoppingCriteria {
  readonly criteria: Stopping[] = [];

  push(item: Stopping): void {
    this.criteria.push(item);
  }

  extend(items: Stopping | readonly Stopping[]): void {
    this.criteria.push(...rulesOf(items));
  }

  _call(ids: number[][], scores?: unknown): boolean[] {
    return ids.map((_, row) => this.criteria.some((rule) => isOver(rule, ids, row, scores)));
  }
}

const rulesOf = (given: Stopping | readonly Stopping[]): readonly Stopping[] =>
  given instanceof StoppingCriteriaList ? given.criteria : Array.isArray(given) ? given : [given as Stopping];

function isOver(rule: Stopping, ids: number[][], row: number, scores?: unknown): boolean {
  const answer = typeof rule === "function" ? rule(ids, scores) : rule._call(ids, scores);
  return Array.isArray(answer) ? Boolean(answer[row]) : answer;
}

/** True where one of the rules ends this text. */
export function isStopped(given: Stopping | readonly Stopping[] | null | undefined, ids: number[]): boolean {
  return given ? rulesOf(given).some((rule) => isOver(rule, [ids], 0)) : false;
}
