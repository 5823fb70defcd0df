import type { Argv, CommandModule } from "yargs";
import { faultKinds, type FaultKind } from "../chaos/schedule.ts";
import { timeoutMs } from "../terminal/duration.ts";
import { Failure } from "../terminal/failure.ts";
import { wholeNumber } from "../terminal/numbers.ts";
import { print, printJson } from "../terminal/output.ts";

type Arguments = {
  fault: readonly (FaultKind | "all")[] | undefined;
  every: string;
  for: string;
  seed: number;
  verify: boolean;
  json: boolean;
  fresh: boolean;
  brokers: number;
  metadata: number;
  "data-dir": string | undefined;
};

const run: CommandModule<object, Arguments> = {
  command: "run [fault..]",
  describe: "commit fault after fault on a cluster, and tell what became of each",
  builder: (yargs) =>
    faultOptions(yargs)
      .option("fresh", {
        type: "boolean",
        default: false,
        describe: "a cluster of its own, even if an `odradek dev` runs here",
      })
      .option("brokers", {
        ...wholeNumber("--brokers", { min: 1, max: 100 }),
        default: 3,
        describe: "how many brokers its own cluster has",
      })
      .option("metadata", { choices: [1, 3, 5] as const, default: 3, describe: "and how many metadata nodes" })
      .option("data-dir", {
        type: "string",
        describe: "data directory of the `dev` to break, if not .odradek here or above",
      }),
  async handler(options) {
    const named = options.fault ?? [];
    const isNamed = named.length > 0 && !named.includes("all");
    const { runChaosCommand } = await import("../chaos/command.ts");
    const { reportText } = await import("../chaos/report.ts");
    const report = await runChaosCommand({
      ...{ fresh: options.fresh, dataDir: options["data-dir"], brokers: options.brokers, metadata: options.metadata },
      ...{ isNamed, kinds: isNamed ? faultKinds.filter((kind) => named.includes(kind)) : faultKinds },
      ...{
        everyMs: timeoutMs(options.every),
        forMs: timeoutMs(options.for),
        seed: options.seed,
        verify: options.verify,
      },
    });
    await (options.json ? printJson(report) : print(reportText(report)));
    if (report.wasStopped) throw new Failure("interrupted", "stopped before its time was over");
    if (!report.isOk) throw new Failure("runtime", "a promise was broken");
  },
};

function faultOptions<T>(yargs: Argv<T>) {
  return yargs
    .positional("fault", {
      choices: [...faultKinds, "all"] as const,
      array: true,
      describe: "which ones, else all",
    })
    .option("every", {
      type: "string",
      default: "10s",
      describe: "from the beginning of one fault to that of the next, or as long as it takes to be whole again",
    })
    .option("for", { type: "string", default: "2m", describe: "how long faults begin" })
    .option("seed", {
      ...wholeNumber("--seed", { min: 0, max: 2 ** 32 - 1 }),
      default: 1,
      describe: "the same seed gives the same faults in the same order",
    })
    .option("verify", {
      type: "boolean",
      default: false,
      describe:
        "with producers and consumers at work and a verdict on what they saw; exit code 1 if a promise was broken",
    })
    .option("json", { type: "boolean", default: false, describe: "the report as one JSON object" });
}

export const chaos: CommandModule = {
  command: "chaos",
  describe: "break a cluster on purpose",
  builder: (yargs) => yargs.command(run).demandCommand(1, "chaos does what? chaos run"),
  handler: () => undefined,
};
