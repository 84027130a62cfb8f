/** Which files of a repository are fetched: those that a model needs, or those that patterns name. Pure. */
import { fail } from "../base/errors.ts";
import { showJson } from "../base/json.ts";
import type { RepoFile } from "./client.ts";
import { isPickle, type ModelName, type Repo, unsafePath } from "./id.ts";
import { matchesPattern } from "./patterns.ts";

/** What is going to be read of a model. */
export type ModelPart = "model" | "tokenizer" | "config";

export const SINGLE = "model.safetensors";
export const INDEX = "model.safetensors.index.json";

/** What goes with a model's weights, and is read where it is there. */
export const BESIDE = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
] as const;

/** Of those, what a tokenizer is read from. */
export const TOKENIZER_FILES = ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"] as const;

/** Terms and words that belong to a model. */
const WORDS = /^(README\.md|(LICEN[CS]E|NOTICE|USE_POLICY)[\w.-]*)$/i;

/** Patterns of `--include` and `--exclude`. */
export interface Patterns {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** Files by path, as {@link RepoFile}s or names alone. */
type Files = ReadonlyMap<string, RepoFile>;

/**
 * The files that patterns choose, or without patterns all. Files of pickled Python are left out, which `onWarning`
 * hears of; UNSUPPORTED where one is named without a star or nothing else is left.
 */
export function chosenFiles(
  repo: Repo,
  files: Files,
  { include, exclude }: Patterns,
  onWarning: (message: string) => void,
): RepoFile[] {
  const wanted = [...files.values()].filter(
    ({ path }) =>
      (include.length === 0 || include.some((pattern) => matchesPattern(path, pattern))) &&
      !exclude.some((pattern) => matchesPattern(path, pattern)),
  );
  const pickles = wanted.filter(({ path }) => isPickle(repo, path));
  const named = pickles.find(({ path }) => include.includes(path));
  if (named) refusePickle(repo, named.path);
  const rest = wanted.filter((file) => !pickles.includes(file));
  if (rest.length === 0 && pickles.length > 0) refusePickle(repo, pickles[0]!.path);
  if (rest.length === 0)
    fail(
      "NOT_FOUND",
      files.size === 0
        ? `${repo.id}: has no files`
        : `${repo.id}: none of its ${files.size} files matches. It has ${listed([...files.keys()])}`,
    );
  if (pickles.length > 0)
    onWarning(
      `${repo.id}: left out ${listed(pickles.map(({ path }) => path))}: pickled Python, which can run code as it is read`,
    );
  return rest;
}

/** Throws UNSUPPORTED for a file of pickled Python. */
export function refusePickle({ id }: Repo, path: string): never {
  return fail(
    "UNSUPPORTED",
    `${id}: ${path}: pickled Python, which can run code as it is read, is never fetched. Try another model, or in Python: AutoModelForCausalLM.from_pretrained("${id}").save_pretrained("FOLDER") writes safetensors.`,
  );
}

/**
 * The files that running a model takes: of safetensors the one file, or an index with the shards that `shardsOf` reads
 * from it; else the one GGUF file, or that of the name's variant. UNSUPPORTED where there are only weights that ownlm
 * does not read, NOT_FOUND where there are none, both saying what there is.
 */
export async function modelFiles(
  name: ModelName,
  files: Files,
  shardsOf: (index: RepoFile) => Promise<readonly string[]>,
): Promise<RepoFile[]> {
  const { id, file, variant } = name;
  if (file !== undefined) return [namedFile(name, files, file)];
  if (variant !== undefined) return [variantFile(name, files, variant)];
  const beside = [...files.values()].filter(
    ({ path }) => (BESIDE as readonly string[]).includes(path) || WORDS.test(path),
  );
  const single = files.get(SINGLE);
  if (single) return [...beside, single];
  const index = files.get(INDEX);
  if (index) {
    const shards = (await shardsOf(index)).map(
      (path) => files.get(path) ?? fail("BAD_HUB", `${id}: ${INDEX} names ${showJson(path)}, which is not there`),
    );
    return [...beside, index, ...shards];
  }
  return [variantFile(name, files, "")];
}

function namedFile(repo: Repo, files: Files, path: string): RepoFile {
  if (isPickle(repo, path)) refusePickle(repo, path);
  return files.get(path) ?? fail("NOT_FOUND", `${repo.id}: has no ${path}. It has ${listed([...files.keys()])}`);
}

/** The GGUF file of a variant: its name holds the variant as a part of its own. */
function variantFile(repo: Repo, files: Files, variant: string): RepoFile {
  const found = ggufOf([...files.keys()], variant);
  if (found.length === 1) return files.get(found[0]!)!;
  if (found.length > 1)
    fail(
      "USAGE",
      `${repo.id}: has ${listed(found)}. Say which: ${repo.id}:${variantOf(found[0]!)}, or ${repo.id}/${found[0]}`,
    );
  if (variant) fail("NOT_FOUND", `${repo.id}: has no .gguf file of ${variant}. It has ${listed([...files.keys()])}`);
  return noWeights(repo, files);
}

/** The GGUF models of a repository whose names hold the variant. Files beside a model (mmproj) are none. */
export function ggufOf(paths: readonly string[], variant: string): string[] {
  const models = paths.filter((path) => /\.gguf$/i.test(path) && !/(^|\/)(mmproj|imatrix)/i.test(path));
  if (variant === "") return models;
  const parts = (text: string) =>
    text
      .toLowerCase()
      .split(/[^a-z0-9]+/)
      .join(" ");
  const wanted = ` ${parts(variant)} `;
  return models.filter((path) => ` ${parts(path.replace(/\.gguf$/i, ""))} `.includes(wanted));
}

/** What a GGUF file's name ends in: "Q4_0" of "tiny-Q4_0.gguf". */
const variantOf = (path: string) => /([^-./]+)\.gguf$/i.exec(path)?.[1] ?? path;

function noWeights(repo: Repo, files: Files): never {
  const pickle = [...files.keys()].find((path) => isPickle(repo, path));
  if (pickle !== undefined) refusePickle(repo, pickle);
  return fail(
    files.size === 0 ? "NOT_FOUND" : "UNSUPPORTED",
    `${repo.id}: has no ${SINGLE} and no .gguf file. It has ${listed([...files.keys()])}`,
  );
}

/** Throws BAD_HUB for names that may not become paths, and for two that a file system may take for one. */
export function checkNames({ id }: Repo, files: readonly RepoFile[]): void {
  const seen = new Map<string, string>();
  for (const { path } of files) {
    const wrong = unsafePath(path);
    if (wrong)
      fail("BAD_HUB", `${id}: the file ${showJson(path)} ${wrong}, so it is not fetched. Leave it out with --exclude.`);
    const key = path.normalize("NFC").toLowerCase();
    const other = seen.get(key);
    if (other !== undefined)
      fail("BAD_HUB", `${id}: ${other} and ${path} are one name for many disks. Leave one out with --exclude.`);
    seen.set(key, path);
  }
}

/** The first few of many names. */
function listed(names: readonly string[]): string {
  const shown = names.slice(0, 6).map((name) => (unsafePath(name) ? showJson(name) : name));
  return shown.join(", ") + (names.length > shown.length ? ` and ${names.length - shown.length} more` : "");
}
