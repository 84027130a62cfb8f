/** Values from one who makes them to one who waits for them. */

/** A way for values, with an end. */
export interface Channel<T, R> {
  push(value: T): void;
  end(result: R): void;
  fail(error: Error): void;
  /** The other side, to be read once. `onLeave` is called where the reader leaves before the end. */
  readonly values: AsyncGenerator<T, R>;
}

type Item<T, R> = { readonly value: T } | { readonly result: R } | { readonly error: Error };

/** An empty channel. */
export function createChannel<T, R>(onLeave: () => void): Channel<T, R> {
  const waiting: Item<T, R>[] = [];
  let wake: (() => void) | undefined;
  const put = (item: Item<T, R>) => {
    waiting.push(item);
    wake?.();
    wake = undefined;
  };
  return {
    push: (value) => put({ value }),
    end: (result) => put({ result }),
    fail: (error) => put({ error }),
    values: leaving(
      drain(waiting, (resolve) => {
        wake = resolve;
      }),
      onLeave,
    ),
  };
}

async function* drain<T, R>(waiting: Item<T, R>[], sleep: (resolve: () => void) => void): AsyncGenerator<T, R> {
  for (;;) {
    const item = waiting.shift();
    if (!item) await new Promise<void>(sleep);
    else if ("value" in item) yield item.value;
    else if ("result" in item) return item.result;
    else throw item.error;
  }
}

/** A generator whose reader is heard when it leaves, even before the first value, and while one is awaited. */
function leaving<T, R>(source: AsyncGenerator<T, R>, onLeave: () => void): AsyncGenerator<T, R> {
  let isOver = false;
  const over = (step: IteratorResult<T, R>) => {
    isOver ||= step.done === true;
    return step;
  };
  const leave = () => {
    if (!isOver) onLeave();
    isOver = true;
  };
  return {
    next: async () => over(await source.next()),
    return(value) {
      leave();
      return source.return(value);
    },
    throw(error) {
      leave();
      return source.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      leave();
      await source.return(undefined as R);
    },
  };
}
