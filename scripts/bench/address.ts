import type { Option } from "../options.ts";
import type { Address } from "./wire.ts";

/** Where a Kafka can be reached. */
export const addressOption: Option<Address | null> = {
  takes: "HOST:PORT",
  absent: null,
  read(given) {
    const match = /^(.+):(\d+)$/.exec(given);
    return match ? { host: match[1]!, port: Number(match[2]) } : undefined;
  },
};
