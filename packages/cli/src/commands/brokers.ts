import { createAdmin } from "@odradek/client";
import type { CommandModule } from "yargs";
import { asCommand } from "../kafka/failures.ts";
import { clientOptions, kafkaOptions, type KafkaOptions } from "../kafka/target.ts";
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

async function list(options: Arguments): Promise<void> {
  await asCommand(async () => {
    await using admin = createAdmin(clientOptions(options));
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
