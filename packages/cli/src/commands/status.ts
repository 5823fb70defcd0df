import type { CommandModule } from "yargs";
import { findRunning } from "../dev/state-file.ts";
import { withAdmin } from "../kafka/admin.ts";
import { kafkaStatus } from "../kafka/cluster-status.ts";
import { kafkaOptions, type KafkaOptions } from "../kafka/target.ts";
import { askMembers, type MemberRow } from "../meta/status.ts";
import { membersOf, metaOptions, type MetaOptions } from "../meta/target.ts";
import { timeoutMs, timeoutOption } from "../terminal/duration.ts";
import { Failure } from "../terminal/failure.ts";
import { outputOptions, print, printJson, type OutputOptions } from "../terminal/output.ts";
import { healthOf, metaStatus, type ClusterStatus } from "./cluster-health.ts";
import { statusText } from "./status-text.ts";
import { watchStatus } from "./status-watch.ts";

type Arguments = KafkaOptions &
  MetaOptions &
  OutputOptions & { "exit-code": boolean; wait: boolean; watch: boolean; interval: string };

const waitPollMs = 250;
/** As long as brokers that were killed may need to have caught up. */
const waitTimeout = "60s";

export const status: CommandModule<object, Omit<Arguments, "timeout"> & { timeout: string | undefined }> = {
  command: "status",
  describe: "the whole cluster at one glance",
  builder: (yargs) =>
    outputOptions(metaOptions(kafkaOptions(yargs)))
      .option("exit-code", { type: "boolean", default: false, describe: "exit with 5 unless healthy" })
      .option("wait", { type: "boolean", default: false, describe: "until healthy, as long as --timeout" })
      .option("watch", {
        alias: "w",
        type: "boolean",
        default: false,
        describe: "again and again: a page on a terminal, else a line per change",
      })
      .option("interval", { type: "string", default: "1s", describe: "how often, with --watch" })
      .option("timeout", {
        ...timeoutOption,
        default: undefined,
        coerce: (given: unknown) => (given === undefined ? undefined : timeoutOption.coerce(given)),
        describe: "how long to try; 5s, with --wait 60s",
      }),
  async handler(given) {
    const options: Arguments = {
      ...given,
      timeout: given.timeout ?? (given.wait ? waitTimeout : timeoutOption.default),
    };
    if (options.watch && (options.wait || options["exit-code"]))
      throw new Failure("usage", "--watch never ends: it goes neither with --wait nor with --exit-code");
    if (options.watch) await watchStatus(() => look(options), timeoutMs(options.interval), options);
    const seen = options.wait ? await untilHealthy(options) : await look(options);
    await (options.output === "json" ? printJson(seen) : print(statusText(seen)));
    if (options["exit-code"] && seen.health !== "healthy")
      throw new Failure("unhealthy", `the cluster is ${seen.health}`);
  },
};

async function untilHealthy(options: Arguments): Promise<ClusterStatus> {
  const deadline = performance.now() + timeoutMs(options.timeout);
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const seen = await look(options);
      if (seen.health === "healthy") return seen;
      last = new Failure("unhealthy", `the cluster is ${seen.health}`);
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, waitPollMs));
  }
  const why = last instanceof Error ? `: ${last.message}` : "";
  throw new Failure("timeout", `not healthy within ${options.timeout}${why}`, { cause: last });
}

function look(options: Arguments): Promise<ClusterStatus> {
  return withAdmin(options, async (admin) => {
    const [kafka, members] = await Promise.all([kafkaStatus(admin, knownBrokers(options)), askMetaIfKnown(options)]);
    const meta = members === null ? null : metaStatus(members);
    return { health: healthOf(kafka, meta), ...kafka, meta };
  });
}

/** Of the running `odradek dev`, unless another cluster was named. */
function knownBrokers({ brokers }: Arguments): Map<number, string> {
  if (brokers !== undefined || process.env["ODRADEK_BROKERS"]) return new Map();
  const nodes = findRunning()?.nodes.filter(({ role }) => role === "broker") ?? [];
  return new Map(nodes.map(({ id, address }) => [id, address]));
}

/** Another Kafka has no metadata nodes of ours: with only brokers named, nothing is asked. */
async function askMetaIfKnown(options: Arguments): Promise<MemberRow[] | null> {
  const isNamed = options.meta !== undefined || process.env["ODRADEK_META"] !== undefined;
  const isElsewhere = options.brokers !== undefined || process.env["ODRADEK_BROKERS"] !== undefined;
  return isElsewhere && !isNamed ? null : askMembers(membersOf(options));
}
