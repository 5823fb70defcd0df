import { Socket } from "node:net";

/** npm passes on the Ctrl-C that the terminal has already sent: what follows at once is the same key press. */
const sameKeyMs = 1000;

/** The environment variable that names the descriptor of a pipe held by whoever started this process. */
const parentVariable = "ODRADEK_PARENT_FD";

export type StopRequests = {
  /** Ctrl-C, SIGTERM, SIGHUP, or the end of the process that started us. */
  first: Promise<"stop">;
  /** Somebody insists. */
  second: Promise<"stop">;
};

export function stopRequests(): StopRequests {
  const first = Promise.withResolvers<"stop">();
  const second = Promise.withResolvers<"stop">();
  let askedAt: number | null = null;
  const ask = (): void => {
    const now = performance.now();
    if (askedAt === null) first.resolve("stop");
    else if (now - askedAt >= sameKeyMs) second.resolve("stop");
    askedAt ??= now;
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, ask);
  watchParent(ask);
  return { first: first.promise, second: second.promise };
}

function watchParent(gone: () => void): void {
  const descriptor = process.env[parentVariable];
  if (descriptor === undefined) return;
  delete process.env[parentVariable]; // not for our children, whose descriptor of this number is another pipe
  const pipe = new Socket({ fd: Number(descriptor), readable: true, writable: false });
  pipe.on("error", gone).on("close", gone).resume().unref();
}
