/** The program that tunes beside a server: one run from beginning to end, until its parent is gone. */
import { host } from "../host/open.ts";
import { serverHost } from "../host/open-server.ts";
import type { Port } from "../host/server-types.ts";
import type { TuneEvent } from "../tune/events.ts";
import { createTune } from "../tune/library.ts";
import type { TuneOptions } from "../tune/options.ts";
import { holdsTune } from "../tune/settings.ts";
import { errorMessage } from "./calls.ts";

/** A run. */
export interface TuneAsk {
  readonly model: string;
  readonly data: string;
  readonly options: TuneOptions & { readonly out: string };
}

/** What it says: events, and at last how it ended. */
export type Told =
  | { readonly event: TuneEvent }
  | { readonly finished: true }
  | { readonly failed: ReturnType<typeof errorMessage> };

/** A run that was broken off goes on. */
async function runTune({ model, data, options }: TuneAsk, onEvent: (event: TuneEvent) => void): Promise<void> {
  const tune = createTune(host);
  const { out } = options;
  if (holdsTune(host, out)) await tune(undefined, [], { out, resume: true }, { onEvent });
  else await tune(model, data, options, { onEvent });
}

function run(port: Port): void {
  let isRunning = false;
  port.onMessage((message) => {
    if (isRunning) return;
    isRunning = true;
    const send = (told: Told) => port.send(told);
    runTune(message as TuneAsk, (event) => send({ event })).then(
      () => send({ finished: true }),
      (error: unknown) => send({ failed: errorMessage(error) }),
    );
  });
}

const port = serverHost.parentPort();
if (port) run(port);
