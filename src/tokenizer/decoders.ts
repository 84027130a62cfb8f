import { byteOfToken } from "./byte-tokens.ts";
import { utf8Bytes, writeSpelling } from "./bytes.ts";
import { characterStep, mapStep, type Step, type StepKind, tokenStep } from "./decode-steps.ts";
import { booleanField, countField, type JsonRecord, recordAt, stringField } from "./json-fields.ts";
import { readPattern } from "./normalizers.ts";
import { characterField, readScheme } from "./pre-tokenizers.ts";
import { stepsOf } from "./sequence.ts";
import { widthAt } from "./stretch.ts";

type Reader = (record: JsonRecord, at: string) => StepKind;

/** Kinds by name; a new one is a row. */
const READERS: ReadonlyMap<unknown, Reader> = new Map<unknown, Reader>([
  ["ByteLevel", () => byteLevel],
  ["ByteFallback", () => byteFallback],
  ["Fuse", () => fuse],
  ["Metaspace", readMetaspace],
  ["Replace", readReplace],
  ["Strip", readStrip],
  ["WordPiece", readWordPiece],
  ["BPEDecoder", readSuffix],
  ["CTC", readCtc],
]);

/** The steps of a file's decoder; null joins tokens with spaces. Throws BAD_TOKENIZER or UNSUPPORTED, naming `at`. */
export function readDecoder(json: unknown, at: string): readonly StepKind[] {
  if ((json ?? null) === null) return [mapStep((token, i) => (i === 0 ? token : ` ${token}`))];
  return stepsOf(json, at, READERS, "decoders").map(({ record, at: inner }) =>
    READERS.get(record.type)!(record, inner),
  );
}

/** Bytes of the byte alphabet as UTF-8, all of them one token. Tokens that are not of the alphabet stand for themselves. */
const byteLevel: StepKind = {
  fuses: true,
  make(emit, isFused) {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    const bytesOf = (token: string) => {
      const bytes = new Uint8Array(token.length);
      return writeSpelling(token, bytes) >= 0 ? bytes : utf8Bytes(token);
    };
    const step: Step = {
      push: (token) => emit(decoder.decode(bytesOf(token), { stream: true })),
      end: () => emit(decoder.decode()),
    };
    return isFused ? tokenStep(() => step).make(emit, true) : step;
  },
};

/** Runs of byte tokens as UTF-8, or one U+FFFD a byte where a run is none. */
const byteFallback = tokenStep((emit) => {
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length === 0) return;
    const run = bytes;
    bytes = [];
    let text: string;
    try {
      text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(run));
    } catch {
      for (const _ of run) emit("\ufffd");
      return;
    }
    emit(text);
  };
  return {
    push(token) {
      const byte = byteOfToken(token);
      if (byte >= 0) bytes.push(byte);
      else {
        flush();
        emit(token);
      }
    },
    end: flush,
  };
});

const fuse: StepKind = { fuses: true, make: (emit) => ({ push: emit, end() {} }) };

/** The replacement as spaces; those of the first token go. */
function readMetaspace(record: JsonRecord, at: string): StepKind {
  const replacement = characterField(record, "replacement", at);
  const first = readScheme(record, at) === "never" ? " " : "";
  return {
    fuses: false,
    make(emit, isFused) {
      let by = first;
      return {
        push(text) {
          emit(text.replaceAll(replacement, by));
          if (!isFused) by = " ";
        },
        end() {},
      };
    },
  };
}

function readReplace(record: JsonRecord, at: string): StepKind {
  const find = readPattern(record, at);
  const content = stringField(record, "content", at);
  const replaced = (token: string) => {
    // As in Rust, an empty token has no matches.
    const ranges = token === "" ? [] : find(token);
    let text = "";
    let last = 0;
    for (let i = 0; i < ranges.length; i += 2) {
      text += token.slice(last, ranges[i]) + content;
      last = ranges[i + 1]!;
    }
    return text + token.slice(last);
  };
  const wanted = recordAt(record.pattern, at).String;
  return typeof wanted === "string" && wanted !== "" && wanted.length === widthAt(wanted, 0)
    ? characterStep(replaced)
    : mapStep(replaced);
}

function readStrip(record: JsonRecord, at: string): StepKind {
  const content = characterField(record, "content", at);
  const [start, stop] = [countField(record, "start", at), countField(record, "stop", at)];
  const width = content.length;
  return {
    fuses: false,
    make(emit, isFused) {
      let left = start;
      /** How many of the content wait: they go if nothing follows. */
      let held = 0;
      return {
        push(text) {
          if (!isFused) [left, held] = [start, 0];
          let from = 0;
          for (; left > 0 && text.startsWith(content, from); left--) from += width;
          if (from < text.length) left = 0;
          let to = text.length;
          let trailing = 0;
          for (; trailing < stop && to - width >= from && text.endsWith(content, to); trailing++) to -= width;
          const ready = to > from ? held : Math.max(0, held + trailing - stop);
          held = Math.min(stop, to > from ? trailing : held + trailing);
          emit(content.repeat(ready) + text.slice(from, to));
        },
        end() {},
      };
    },
  };
}

/** English contractions and punctuation closed up, in this order. */
const CLEANUPS: readonly (readonly [from: string, to: string])[] = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" do not", " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

function cleanedUp(token: string): string {
  return CLEANUPS.reduce((text, [from, to]) => text.replaceAll(from, to), token);
}

function readWordPiece(record: JsonRecord, at: string): StepKind {
  const prefix = record.prefix === undefined ? "##" : stringField(record, "prefix", at);
  const clean = booleanField(record, "cleanup", at, true) ? cleanedUp : (token: string) => token;
  return mapStep((token, i) => {
    if (i === 0) return clean(token);
    return clean(token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`);
  });
}

/** Suffixes of words as spaces, but for the last token. */
function readSuffix(record: JsonRecord, at: string): StepKind {
  const suffix = record.suffix === undefined ? "</w>" : stringField(record, "suffix", at);
  const replaced = (token: string, by: string) =>
    suffix === "" ? token.split("").join(by) : token.replaceAll(suffix, by);
  return tokenStep((emit) => {
    let last: string | undefined;
    const send = (by: string) => {
      if (last !== undefined) emit(replaced(last, by));
    };
    return {
      push(token) {
        send(" ");
        last = token;
      },
      end: () => send(""),
    };
  });
}

/** Repeated tokens once, without the padding (Graves et al. 2006). */
function readCtc(record: JsonRecord, at: string): StepKind {
  const pad = record.pad_token === undefined ? "<pad>" : stringField(record, "pad_token", at);
  const delimiter = record.word_delimiter_token === undefined ? "|" : stringField(record, "word_delimiter_token", at);
  const isCleaned = booleanField(record, "cleanup", at, true);
  return tokenStep((emit) => {
    let last: string | undefined;
    return {
      push(token) {
        if (token === last) return;
        last = token;
        const kept = pad === "" ? token : token.replaceAll(pad, "");
        const text = isCleaned ? cleanedUp(kept).replaceAll(delimiter, " ") : kept;
        if (text !== "") emit(text);
      },
      end() {},
    };
  });
}
