/** Names on the hub: repositories, revisions, files. Decides which are safe to be paths. Pure. */
import { fail } from "../base/errors.ts";
import { showJson } from "../base/json.ts";

/** What the hub keeps. */
export const REPO_TYPES = ["model", "dataset", "space"] as const;
export type RepoType = (typeof REPO_TYPES)[number];

/** A repository. */
export interface Repo {
  readonly type: RepoType;
  /** "gpt2" or "org/name". */
  readonly id: string;
}

/** A repository at a branch, a tag or a commit. */
export interface RepoAt extends Repo {
  readonly revision: string;
}

/** A model as people name it: `org/name`, `org/name@revision`, `org/name/file.gguf`, `org/name:Q4_0`. */
export interface ModelName extends RepoAt {
  /** A file inside. */
  readonly file?: string;
  /** Part of a GGUF file's name: "Q4_0". */
  readonly variant?: string;
}

const MAIN = "main";
const MOST_ID = 96;

/** True for a name that a repository may have, by the hub's rules. */
function isRepoId(id: string): boolean {
  if (id.length > MOST_ID || /--|\.\.|\.git$/.test(id)) return false;
  return /^[A-Za-z0-9_](?:[\w.-]*\w)?(?:\/[A-Za-z0-9_](?:[\w.-]*\w)?)?$/.test(id);
}

/** A commit as git writes it. */
export const isCommit = (text: string): boolean => /^[0-9a-f]{40}$/.test(text);

/** "org/name" or "org/name@revision". Throws USAGE for what cannot be one. */
export function readRepo(text: string, type: RepoType): RepoAt {
  const [id = "", revision = MAIN] = splitOnce(text, "@");
  if (!isRepoId(id))
    fail(
      "USAGE",
      `${text}: got ${showJson(id)}, expected the name of a ${type} on the hub, as org/name or org/name@revision`,
    );
  return { type, id, revision: checkedRevision(revision, text) };
}

/** A name without an owner that ends so was meant as a file here. */
const FILE_ENDING = /\.(gguf|json|jsonl|safetensors|txt|md|onnx|bin|pt|pth)$/i;

/** What a text names on the hub, or undefined where it cannot be such a name: then it was a path. */
export function readModelName(text: string): ModelName | undefined {
  const parts = /^([^/@:]+(?:\/[^/@:]+)?)((?:\/[^@:]+)?)(?:@([^:]+))?(?::([\w.-]+))?$/.exec(text);
  const [, id = "", inside = "", revision = MAIN, variant] = parts ?? [];
  if (!parts || !isRepoId(id) || unsafePath(revision) !== undefined) return undefined;
  const file = inside.slice(1);
  if (!id.includes("/") && FILE_ENDING.test(id)) return undefined;
  if (file !== "" && (variant !== undefined || unsafePath(file) !== undefined)) return undefined;
  return { type: "model", id, revision, ...(file && { file }), ...(variant && { variant }) };
}

function checkedRevision(revision: string, where: string): string {
  const wrong = unsafePath(revision);
  if (wrong) fail("USAGE", `${where}: got the revision ${showJson(revision)}, which ${wrong}`);
  return revision;
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** "models--org--name": a repository's folder in the cache. */
export const folderName = ({ type, id }: Repo): string => [`${type}s`, ...id.split("/")].join("--");

/** The repository of such a folder; undefined for other folders. */
export function repoOfFolder(name: string): Repo | undefined {
  const [plural, ...parts] = name.split("--");
  const type = REPO_TYPES.find((each) => `${each}s` === plural);
  const id = parts.join("/");
  return type && isRepoId(id) ? { type, id } : undefined;
}

/** Files of these names hold Python objects, which run code as they are read (or weights that only Python reads). */
export function isPickle({ type }: Pick<Repo, "type">, path: string): boolean {
  if (/\.(pt|pth|pkl|pickle|ckpt|joblib|dill)$/i.test(path)) return true;
  return type === "model" && /\.bin$/i.test(path);
}

/** Names that Windows keeps for devices, with any ending. */
const DEVICES = /^(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)$/i;
/** Most bytes of one name on the usual file systems. */
const MOST_NAME = 255;

/**
 * Why a path from a server, with "/" between its parts, may not become one below a folder: undefined for a safe one.
 * One rule for all platforms, so that a cache can move between them.
 */
export function unsafePath(path: string): string | undefined {
  if (path === "") return "is empty";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  if (/[\x00-\x1f\x7f]/.test(path)) return "holds control characters";
  if (/\p{Surrogate}/u.test(path)) return "holds half of a character";
  if (path.includes("\\")) return 'holds "\\"';
  if (path.includes(":")) return 'holds ":"';
  if (path.startsWith("/")) return "is absolute";
  return path.split("/").map(unsafePart).find(Boolean);
}

function unsafePart(part: string): string | undefined {
  if (part === "") return "has an empty part";
  if (part === "." || part === "..") return `has the part "${part}"`;
  if (/[. ]$/.test(part)) return "has a part that ends in a dot or a space";
  if (DEVICES.test(part.split(".")[0]!.trimEnd())) return `has the name of a device of Windows, "${part}"`;
  if (new TextEncoder().encode(part).length > MOST_NAME) return `has a name of more than ${MOST_NAME} bytes`;
  return undefined;
}
