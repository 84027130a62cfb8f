/** Reads the parts of `tokenizer.json` that SentencePiece-like BPE has. What is not understood is refused by name. */
import { fail } from "../base/errors.ts";
import { booleanField, describe, type JsonRecord, listField, recordAt } from "./json-fields.ts";
import { type DecoderRule, META, type MetaspaceRule } from "./sentencepiece.ts";

const SCHEMES = ["always", "first", "never"] as const;

/** The rule of `pre_tokenizer`; undefined where the normaliser puts "▁" in place of spaces. */
export function readMetaspace(root: JsonRecord, where: string): MetaspaceRule | undefined {
  const at = `${where}: pre_tokenizer`;
  const json = root.pre_tokenizer ?? null;
  if (json === null) return undefined;
  const record = recordAt(json, at);
  if (record.type === "Metaspace")
    return { prepend: schemeOf(record, at), split: booleanField(record, "split", at, true) };
  // Gemma's: cut after spaces, of which the normaliser has left none.
  const pattern = record.type === "Split" ? recordAt(record.pattern, `${at}.pattern`).String : undefined;
  if (pattern === " " && replacesSpaces(root.normalizer)) return undefined;
  return fail("UNSUPPORTED", `${at}: got ${describe(record.type)}, expected null or Metaspace beside byte_fallback`);
}

function schemeOf(record: JsonRecord, at: string): MetaspaceRule["prepend"] {
  if ((record.replacement ?? META) !== META)
    fail("UNSUPPORTED", `${at}.replacement: got ${describe(record.replacement)}, expected ${META}`);
  const legacy = booleanField(record, "add_prefix_space", at, true) ? "always" : "never";
  const scheme = record.prepend_scheme ?? legacy;
  const known = SCHEMES.find((each) => each === scheme);
  return (
    known ?? fail("BAD_TOKENIZER", `${at}.prepend_scheme: got ${describe(scheme)}, expected ${SCHEMES.join(", ")}`)
  );
}

function replacesSpaces(normalizer: unknown): boolean {
  const text = JSON.stringify(normalizer ?? null);
  return text.includes(`"pattern":{"String":" "}`) && text.includes(`"content":"${META}"`);
}

/** The rule of `decoder`: Metaspace, or a sequence of Replace, ByteFallback, Fuse and perhaps Strip. */
export function readDecoder(root: JsonRecord, where: string): DecoderRule {
  const at = `${where}: decoder`;
  const record = recordAt(root.decoder, at);
  if (record.type === "Metaspace") return { strip: schemeOf(record, at) === "never" ? "none" : "token", bytes: false };
  if (record.type !== "Sequence")
    return fail("UNSUPPORTED", `${at}.type: got ${describe(record.type)}, expected Sequence or Metaspace`);
  const steps = listField(record, "decoders", at).map((step, i) => recordAt(step, `${at}.decoders[${i}]`));
  const types = steps.map(({ type }) => type).join();
  if (types !== "Replace,ByteFallback,Fuse" && types !== "Replace,ByteFallback,Fuse,Strip")
    fail("UNSUPPORTED", `${at}.decoders: got ${types}, expected Replace, ByteFallback, Fuse and perhaps Strip`);
  const [replace, , , strip] = steps;
  if (recordAt(replace!.pattern, `${at}.decoders[0].pattern`).String !== META || replace!.content !== " ")
    fail("UNSUPPORTED", `${at}.decoders[0]: got ${describe(replace!.content)}, expected ${META} replaced by a space`);
  if (strip && !(strip.content === " " && strip.start === 1 && strip.stop === 0))
    fail("UNSUPPORTED", `${at}.decoders[3]: got ${describe(strip)}, expected one space taken from the beginning`);
  return { strip: strip ? "text" : "none", bytes: true };
}
