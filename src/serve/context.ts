/** What the handlers of a request share. */
import type { Backend } from "./backend.ts";

/** A model under the name that clients ask for. */
export interface ServedModel {
  readonly name: string;
  readonly backend: Backend;
  /** Seconds since 1970 when it came to be served. */
  readonly created: number;
  /** Of an adapter: the name of the model it belongs to. */
  readonly parent?: string | undefined;
}

/** A request on its way. */
export interface Context {
  /** The model a request names; the first where it names none. Throws NOT_FOUND. */
  model(name: unknown): ServedModel;
  /** Who asks, for the line. */
  readonly client: string;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  /** Told of errors that come when the answer has begun. */
  onFault(error: unknown): void;
}

/** Seconds since 1970. */
export const nowSeconds = () => Math.floor(Date.now() / 1000);

/** A new id: "chatcmpl-" and 32 digits. */
export const newId = (prefix: string) => `${prefix}-${crypto.randomUUID().replaceAll("-", "")}`;
