import { type Admin, createAdmin } from "@odradek/client";
import { asCommand } from "./failures.ts";
import { clientOptions, type KafkaOptions } from "./target.ts";

/** Does the work of a command with an admin client of its own. */
export function withAdmin<T>(options: KafkaOptions, work: (admin: Admin) => Promise<T>): Promise<T> {
  return asCommand(async () => {
    await using admin = createAdmin(clientOptions(options));
    return await work(admin);
  });
}
