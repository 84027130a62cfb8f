/** A model that is opened anew while it answers: what runs ends where it began, what comes goes to the new one. Opens nothing. */
import { fail } from "../base/errors.ts";
import type { Backend, Ending, Piece } from "./backend.ts";

/** A backend in whose place another can be put. */
export interface Renewable {
  readonly backend: Backend;
  /** Puts another in its place; the one before is disposed when the last that it answers has ended. Throws DISPOSED, and then disposes `next`. */
  replace(next: Backend): void;
}

interface Held {
  readonly backend: Backend;
  users: number;
  isOld: boolean;
}

/** Begins with a backend, which it owns. */
export function renewable(first: Backend): Renewable {
  let current: Held = { backend: first, users: 0, isOld: false };
  const old = new Set<Held>();
  let isOver = false;
  const enter = (): Held => {
    if (isOver) fail("DISPOSED", "the engine is going away");
    current.users++;
    return current;
  };
  const leave = (held: Held) => {
    if (--held.users === 0 && held.isOld && old.delete(held)) void held.backend.dispose();
  };
  const during = async <T>(call: (backend: Backend) => Promise<T>): Promise<T> => {
    const held = enter();
    try {
      return await call(held.backend);
    } finally {
      leave(held);
    }
  };
  return {
    backend: {
      facts: () => during((backend) => backend.facts()),
      load: () => during((backend) => backend.load()),
      tokenize: (prompt) => during((backend) => backend.tokenize(prompt)),
      detokenize: (ids) => during((backend) => backend.detokenize(ids)),
      embed: (prompts, signal) => during((backend) => backend.embed(prompts, signal)),
      applyTemplate: (chat) => during((backend) => backend.applyTemplate(chat)),
      async generate(ask, signal) {
        const held = enter();
        try {
          const generation = await held.backend.generate(ask, signal);
          return { ...generation, pieces: told(generation.pieces, () => leave(held)) };
        } catch (error) {
          leave(held);
          throw error;
        }
      },
      async dispose() {
        isOver = true;
        await Promise.all([current, ...old].map(({ backend }) => backend.dispose()));
        old.clear();
      },
    },
    replace(next) {
      if (isOver) {
        void next.dispose();
        fail("DISPOSED", "the engine is going away");
      }
      const before = current;
      current = { backend: next, users: 0, isOld: false };
      before.isOld = true;
      if (before.users > 0) old.add(before);
      else void before.backend.dispose();
    },
  };
}

/** The same pieces; `over` is told once of their end, however it comes. */
function told(source: AsyncGenerator<Piece, Ending>, over: () => void): AsyncGenerator<Piece, Ending> {
  let isOver = false;
  const end = () => {
    if (!isOver) over();
    isOver = true;
  };
  return {
    async next() {
      try {
        const step = await source.next();
        if (step.done) end();
        return step;
      } catch (error) {
        end();
        throw error;
      }
    },
    return: (value) => source.return(value).finally(end),
    throw: (error) => source.throw(error).finally(end),
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await source.return(undefined as never).finally(end);
    },
  };
}
