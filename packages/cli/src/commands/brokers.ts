import type { CommandModule } from "yargs";
import { withAdmin } from "../kafka/admin.ts";
import { kafkaOptions, type KafkaOptions } from "../kafka/target.ts";
import { outputOptions, printList, type OutputOptions } from "../terminal/output.ts";

type Arguments = KafkaOptions & OutputOptions;

export const brokers: CommandModule<object, Arguments> = {
  command: ["brokers", "broker"],
  describe: "the brokers of a cluster, as it describes itself",
  builder: (yargs) =>
    outputOptions(kafkaOptions(yargs)).command(["ls", "$0"], "list brokers", {}, (options) =>
      list(options as unknown as Arguments),
    ),
  handler: () => undefined,
};

function list(options: Arguments): Promise<void> {
  return withAdmin(options, async (admin) => {
    const { brokers: found, controllerId } = await admin.describeCluster();
    const rows = found.map(({ id, host, port, rack }) => ({ id, host, port, rack, controller: id === controllerId }));
    await printList(rows, options, [
      ["BROKER", ({ id }) => id],
      ["HOST", ({ host, port }) => `${host}:${port}`],
      ["RACK", ({ rack }) => rack],
      ["CONTROLLER", ({ controller }) => (controller ? "*" : "")],
    ]);
  });
}
