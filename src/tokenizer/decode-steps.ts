/** Decoders as chains of steps through which tokens flow, so that a whole text and a stream are one. Knows no kinds of decoders. */

/** Takes a whole token; behind a step that fuses, a part of the only one. */
export type Emit = (text: string) => void;

/** A step under way. */
export interface Step {
  readonly push: Emit;
  /** Nothing comes any more. The step is not used again. */
  end(): void;
}

/** A kind of step. */
export interface StepKind {
  /** Whether all that comes out is one token, in parts. */
  readonly fuses: boolean;
  /** Begins a step that hands its results to `emit`. `isFused` says that what comes in are parts of one token. */
  make(emit: Emit, isFused: boolean): Step;
}

/** A step that looks at whole tokens: the parts of a fused one wait for its end. */
export function tokenStep(make: (emit: Emit) => Step): StepKind {
  return {
    fuses: false,
    make(emit, isFused) {
      const step = make(emit);
      if (!isFused) return step;
      let whole = "";
      return {
        push(text) {
          whole += text;
        },
        end() {
          step.push(whole);
          step.end();
        },
      };
    },
  };
}

/** A step that changes each token for itself. */
export function mapStep(change: (token: string, index: number) => string): StepKind {
  return tokenStep((emit) => {
    let index = 0;
    return { push: (token) => emit(change(token, index++)), end() {} };
  });
}

/** A step that changes each character for itself, in whole tokens and parts alike. */
export function characterStep(change: (text: string) => string): StepKind {
  return { fuses: false, make: (emit) => ({ push: (text) => emit(change(text)), end() {} }) };
}

/** A chain of steps under way. */
export interface Chain {
  /** The text that is certain now. */
  push(token: string): string;
  /** What was held back. The chain is not used again. */
  end(): string;
}

/** Begins a chain. */
export function startChain(kinds: readonly StepKind[]): Chain {
  let out = "";
  const take = () => {
    const text = out;
    out = "";
    return text;
  };
  const firstFusing = kinds.findIndex((kind) => kind.fuses);
  const steps: Step[] = [];
  let emit: Emit = (text) => {
    out += text;
  };
  for (let i = kinds.length - 1; i >= 0; i--) {
    const step = kinds[i]!.make(emit, firstFusing >= 0 && firstFusing < i);
    steps.unshift(step);
    emit = step.push;
  }
  return {
    push(token) {
      emit(token);
      return take();
    },
    end() {
      for (const step of steps) step.end();
      return take();
    },
  };
}
