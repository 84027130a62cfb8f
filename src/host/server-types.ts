/** What programs that serve need of a platform: sockets, and programs beside them. */

/** Where and how to listen. */
export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Milliseconds in which a request's headers, and all of it, must have come. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** Most connections at once; more are closed. */
  readonly maxConnections: number;
}

/** A socket that is listened on. */
export interface Listening {
  readonly host: string;
  readonly port: number;
  /** Takes no more connections; resolves when the last has ended, which is after `graceMs` at the latest. */
  close(graceMs: number): Promise<void>;
}

/** One end of a line between two processes. What is sent is cloned. */
export interface Port {
  send(message: unknown): void;
  /** Called with each message, in order. */
  onMessage(listener: (message: unknown) => void): void;
  /** Called once when the other end is gone, with what is known of why. */
  onEnd(listener: (why: string) => void): void;
}

/** A program beside this one. */
export interface Child extends Port {
  /** Ends it at once. */
  kill(): void;
  /** Whether this program waits for it before it ends by itself. */
  setBusy(busy: boolean): void;
}

/** The platform's sockets and programs. */
export interface ServerHost {
  /** Answers HTTP/1.1 on a socket. Throws BUSY where the port is taken, BAD_OPTION for addresses that are not this machine's. */
  listen(answer: (request: Request) => Promise<Response>, options: ListenOptions): Promise<Listening>;
  /** Starts a module of ownlm as a program. What it writes goes to this one's standard error. */
  startChild(module: URL): Child;
  /** The line to the program that started this one; undefined where none did. */
  parentPort(): Port | undefined;
}
