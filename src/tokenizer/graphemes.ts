/** Text in what people see as characters (UAX 29, extended grapheme clusters), as `Intl.Segmenter` of the engine cuts. */

/** Takes `text[start..end)`. */
export type TakeSpan = (start: number, end: number) => void;

/** A cutter. Between characters that never join others it needs no segmenter, which takes microseconds for each. */
export function graphemeCutter(): (text: string, take: TakeSpan) => void {
  const isPlain = plainCharacters();
  let segmenter: Intl.Segmenter | undefined;
  return (text, take) => {
    let start = 0;
    for (let at = 0, wasPlain = false; at <= text.length; ) {
      const code = at < text.length ? text.codePointAt(at)! : 0x20;
      const isPlainNow = isPlain(code);
      if ((wasPlain && isPlainNow) || at === text.length) {
        if (at > start && at - start <= (text.codePointAt(start)! > 0xffff ? 2 : 1)) take(start, at);
        else if (at > start) {
          segmenter ??= new Intl.Segmenter("und", { granularity: "grapheme" });
          cutLong(segmenter, text, start, at, take);
        }
        start = at;
      }
      wasPlain = isPlainNow;
      at += code > 0xffff ? 2 : 1;
    }
  };
}

/** Letters, ideographs, pictures and common signs of scripts in which only marks and joiners join. CR may join LF. */
const PLAIN =
  /^(?![\r\p{M}\p{Grapheme_Extend}\p{Emoji_Modifier}\p{Regional_Indicator}])[\0-\u02ff\p{sc=Latn}\p{sc=Grek}\p{sc=Cyrl}\p{sc=Hebr}\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{Extended_Pictographic}\u2000-\u200a\u2010-\u2027\u3000-\u303f\uff00-\uff60]/u;

/** Whether there is a boundary between two such characters. */
function plainCharacters(): (code: number) => boolean {
  /** 0 where it is not known yet. */
  const known = new Uint8Array(0x20000);
  return (code) => {
    if (code >= known.length) return PLAIN.test(String.fromCodePoint(code));
    if (known[code] === 0) known[code] = PLAIN.test(String.fromCodePoint(code)) ? 1 : 2;
    return known[code] === 1;
  };
}

/** Most code units handed to the segmenter at once: what comes back is a list of objects. */
const CHUNK = 1 << 14;

function cutLong(segmenter: Intl.Segmenter, text: string, start: number, end: number, take: TakeSpan): void {
  for (let from = start; from < end; ) {
    const to = Math.min(end, from + CHUNK);
    let last = from;
    for (const { index, segment } of segmenter.segment(text.slice(from, to))) {
      last = from + index;
      // The last one may go on beyond the chunk.
      if (to < end && last + segment.length === to && last > from) break;
      take(last, last + segment.length);
      last += segment.length;
    }
    from = last;
  }
}
