/** Options of the hub's verbs, declared once. */
import type { OptionSpecs } from "../base/options.ts";
import { REPO_TYPES } from "./id.ts";

const TYPE = { kind: "choice", choices: REPO_TYPES, default: "model", help: "What it is on the hub" } as const;

export const PULL_OPTIONS = {
  type: TYPE,
  include: { kind: "list", placeholder: "PATTERN", help: 'Only files that match, as "*.gguf"' },
  exclude: { kind: "list", placeholder: "PATTERN", help: "No files that match" },
} as const satisfies OptionSpecs;

export const RM_OPTIONS = { type: TYPE } as const satisfies OptionSpecs;

export const SEARCH_OPTIONS = {
  type: { ...TYPE, help: "What to look for" },
  sort: {
    kind: "choice",
    choices: ["trending", "downloads", "likes", "created", "modified"],
    default: "trending",
    help: "What comes first",
  },
  author: { kind: "text", placeholder: "NAME", help: "Only those of a person or an organisation" },
  tag: { kind: "list", placeholder: "TAG", help: 'Only those with a tag, as "text-generation" or "gguf"' },
  limit: { kind: "int", min: 1, max: 1000, default: 20, help: "Most results" },
} as const satisfies OptionSpecs;

export const PUSH_OPTIONS = {
  private: { kind: "flag", help: "Make the repository private, where it is new" },
  branch: { kind: "text", placeholder: "NAME", default: "main", help: "Branch that the commit goes to" },
  message: { kind: "text", placeholder: "TEXT", default: "Upload a model with ownlm", help: "Title of the commit" },
} as const satisfies OptionSpecs;
