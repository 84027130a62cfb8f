/** The merges of a vocabulary whose tokens have scores, as SentencePiece's BPE has them. Knows no file. */

/**
 * Merges as pairs, best first. SentencePiece merges, again and again, the two neighbours that make the token of the highest
 * score (Kudo and Richardson 2018, `bpe_model.cc`); so every way to cut a token in two tokens is a merge, and its rank is
 * the token's score. Among the ways to cut one token, the lower ids come first. `takesPart` says which ids merges may make.
 */
export function scoredMerges(
  tokens: readonly string[],
  scores: ArrayLike<number>,
  takesPart: (id: number) => boolean,
): [string, string][] {
  const ids = new Map<string, number>();
  tokens.forEach((token, id) => {
    if (takesPart(id)) ids.set(token, id);
  });
  const order = [...ids.values()].sort((a, b) => scores[b]! - scores[a]! || a - b);
  return order.flatMap((id) => {
    const token = tokens[id]!;
    const ways: [left: number, right: number][] = [];
    for (let at = pointLength(token, 0); at < token.length; at += pointLength(token, at)) {
      const left = ids.get(token.slice(0, at));
      const right = left === undefined ? undefined : ids.get(token.slice(at));
      if (right !== undefined) ways.push([left!, right]);
    }
    return ways
      .sort((a, b) => a[0] - b[0] || a[1] - b[1])
      .map(([left, right]): [string, string] => [tokens[left]!, tokens[right]!]);
  });
}

function pointLength(text: string, at: number): number {
  return text.codePointAt(at)! > 0xffff ? 2 : 1;
}
