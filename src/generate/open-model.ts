/** What an open model is to those who use one. Opens nothing. */
import type { GivenOptions } from "../base/options.ts";
import type { PackedGroup } from "../graph/pack.ts";
import type { CausalLm } from "../models/types.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import type { GenerationDefaults } from "./generation-config.ts";
import type { Lending } from "./lending.ts";
import type { MODEL_OPTIONS } from "./options.ts";
import type { Policies } from "./speculated.ts";

/** A model in memory, ready for any number of texts. */
export interface OpenModel extends Lending {
  readonly folder: string;
  readonly model: CausalLm;
  /** Undefined where the folder has no tokenizer.json: then there are ids alone. */
  readonly tokenizer: Tokenizer | undefined;
  readonly defaults: GenerationDefaults;
  /** Tokens that prompt and text may take together. */
  readonly context: number;
  readonly threads: number;
  /** Weights that are computed with in packed form. */
  readonly packed: readonly PackedGroup[];
  /** What speculation has learned. */
  readonly policies: Policies;
  /** Names of the adapters in memory. */
  readonly adapters: readonly string[];
  /** The one that texts are made with; undefined for the base. */
  readonly adapter: string | undefined;
  /** The same model with another adapter, or with none: its texts have caches of their own. Throws BAD_OPTION. */
  withAdapter(name: string | undefined): OpenModel;
}

/** {@link MODEL_OPTIONS}, and who is told of what is odd but no error. */
export interface OpenModelOptions extends GivenOptions<typeof MODEL_OPTIONS> {
  readonly onWarning?: (message: string) => void;
}
