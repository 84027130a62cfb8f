/** What a model's card says of itself: the first lines of README.md, between two lines of dashes. Pure; reads no file. */

/** Keys of Hugging Face's model cards. */
export interface Card {
  /** An SPDX-like name, "other" with a `licenceName`. */
  readonly licence?: string;
  readonly licenceName?: string;
  readonly licenceLink?: string;
  readonly baseModel?: string;
}

const KEYS = {
  license: "licence",
  license_name: "licenceName",
  license_link: "licenceLink",
  base_model: "baseModel",
} as const;

/**
 * The keys that are texts, or lists of which the first counts. Of YAML this understands `key: value`, quotes, comments and
 * lists, which is what cards are made of; anything else is passed over.
 */
export function readCard(readme: string): Card {
  const lines = readme.replace(/^\uFEFF/, "").split(/\r?\n/);
  const end = lines.indexOf("---", 1);
  if (lines[0] !== "---" || end < 0) return {};
  const card: Record<string, string> = {};
  for (const [i, line] of lines.slice(1, end).entries()) {
    const [, key, value] = /^([a-z_]+):(?:\s+(.*))?$/.exec(line) ?? [];
    if (key === undefined || !Object.hasOwn(KEYS, key)) continue;
    const text = plainText(value || (/^\s*-\s+(.*)$/.exec(lines[i + 2] ?? "")?.[1] ?? ""));
    if (text) card[KEYS[key as keyof typeof KEYS]] = text;
  }
  return card;
}

function plainText(value: string): string {
  const listed = /^\[\s*([^\],]*)/.exec(value)?.[1] ?? value;
  const quoted = /^(["'])(.*)\1\s*(?:#.*)?$/.exec(listed.trim());
  return quoted ? quoted[2]! : listed.replace(/(?:^|\s+)#.*$/, "").trim();
}
