/** The program that computes beside a server: opens one model and answers calls until its parent is gone. */
import { host } from "../host/open.ts";
import { serverHost } from "../host/open-server.ts";
import type { Port } from "../host/server-types.ts";
import { answerCalls, errorMessage } from "./calls.ts";
import { type OpenAsk, openLocal } from "./open.ts";

/** What it says first. */
export type Opened = { readonly opened: true } | { readonly failed: ReturnType<typeof errorMessage> };

function run(port: Port): void {
  let isOpening = false;
  port.onMessage((message) => {
    if (isOpening) return;
    isOpening = true;
    openLocal(host, message as OpenAsk).then(
      (backend) => {
        answerCalls(port, backend);
        port.send({ opened: true } satisfies Opened);
      },
      (error: unknown) => port.send({ failed: errorMessage(error) } satisfies Opened),
    );
  });
}

const port = serverHost.parentPort();
if (port) run(port);
