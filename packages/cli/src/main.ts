import { runCommandLine } from "./command-line.ts";

// Whoever reads our output may stop early (`| head`): then there is nothing left to do, and nothing went wrong.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

// Timers of the libraries do not keep a process alive; a command that only waits must not end before its deadline.
const alive = setInterval(() => undefined, 2 ** 30);
process.exitCode = await runCommandLine(process.argv.slice(2));
clearInterval(alive);
