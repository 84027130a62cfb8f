/** Ownership of several disposables at once, for runtimes without DisposableStack. */

/** Disposes what it owns, last first, once. */
export interface Owner extends Disposable {
  /** Takes ownership and gives the thing back. */
  own<T extends Disposable>(thing: T): T;
  dispose(): void;
}

/** An owner of nothing yet. */
export function createOwner(): Owner {
  const things: Disposable[] = [];
  const dispose = () => {
    while (things.length) things.pop()![Symbol.dispose]();
  };
  return {
    own(thing) {
      things.push(thing);
      return thing;
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}
