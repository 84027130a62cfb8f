/** What went wrong, in OpenAI's shape: `{"error": {"message", "type", "param", "code"}}` and a status. */
import { type ErrorCode, messageOf, OwnlmError } from "../base/errors.ts";

/** An error as a client sees it. */
export interface Fault {
  readonly status: number;
  readonly body: {
    readonly error: {
      readonly message: string;
      readonly type: string;
      /** The field at fault, where it is one. */
      readonly param: string | null;
      readonly code: string | null;
    };
  };
}

/** A refusal that has a status of its own, beyond what {@link ErrorCode} tells apart. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly code: string | null;

  constructor(status: number, message: string, code: string | null = null) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Throws a {@link Refusal}. */
export function refuse(status: number, message: string, code?: string): never {
  throw new Refusal(status, message, code);
}

/** Codes that are the request's fault, and what OpenAI calls some of them. */
const REQUEST: Partial<Readonly<Record<ErrorCode, string | null>>> = {
  BAD_OPTION: "invalid_value",
  BAD_CHAT: "invalid_value",
  BAD_TEXT: "invalid_value",
  BAD_DATA: "invalid_value",
  BAD_GRAMMAR: "invalid_value",
  BAD_TOKEN_ID: "invalid_value",
  UNSUPPORTED: "unsupported_value",
  CONTEXT_OVERFLOW: "context_length_exceeded",
  INCOMPLETE: null,
};

/** OpenAI's names of options that the engine knows by others. */
const FIELDS: Readonly<Record<string, string>> = {
  maxNewTokens: "max_tokens",
  topP: "top_p",
  topK: "top_k",
  minP: "min_p",
  repetitionPenalty: "repetition_penalty",
  presencePenalty: "presence_penalty",
  frequencyPenalty: "frequency_penalty",
  logitBias: "logit_bias",
  topLogprobs: "top_logprobs",
  responseFormat: "response_format",
};

/** A message's own beginning, "field: what is wrong", in OpenAI's words. */
function located(message: string): { message: string; param: string | null } {
  const found = /^([A-Za-z_]\w*)((?:\.\w+|\[\d+\])*): /.exec(message);
  if (!found) return { message, param: null };
  const [head, name, path] = found as unknown as [string, string, string];
  const param = `${FIELDS[name] ?? name}${path}`;
  return { message: `${param}: ${message.slice(head.length)}`, param };
}

/** What a thrown thing is to a client. Faults of ours are not spelled out. */
export function faultOf(error: unknown): Fault {
  if (error instanceof Refusal) return fault(error.status, typeOf(error.status), error.message, null, error.code);
  if (!(error instanceof OwnlmError) || error.code === "BUG")
    return fault(500, "api_error", "The server met a fault of its own. Its log says more.", null, "internal_error");
  const { code } = error;
  if (code in REQUEST) {
    const { message, param } = located(messageOf(error));
    return fault(400, "invalid_request_error", message, param, REQUEST[code] ?? null);
  }
  if (code === "NOT_FOUND") {
    const { message, param } = located(messageOf(error));
    return fault(404, "not_found_error", message, param, param === "model" ? "model_not_found" : "not_found");
  }
  if (code === "BUSY") return fault(503, "overloaded_error", error.message, null, "busy");
  if (code === "DISPOSED") return fault(503, "unavailable_error", error.message, null, "unavailable");
  if (code === "ABORTED") return fault(499, "api_error", "The request was stopped.", null, "aborted");
  return fault(500, "api_error", error.message, null, code.toLowerCase());
}

const TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  408: "timeout_error",
  429: "rate_limit_error",
};

const typeOf = (status: number) => TYPES[status] ?? (status < 500 ? "invalid_request_error" : "api_error");

function fault(status: number, type: string, message: string, param: string | null, code: string | null): Fault {
  return { status, body: { error: { message, type, param, code } } };
}
