import { assert, type Random } from "@odradek/kit";
import { type EventLoop, ProcessClock } from "@odradek/kit/simulation";
import { MemoryNetwork } from "@odradek/kit/testing";

import type { Message } from "../peers/messages.ts";
import type { FaultyNetwork } from "./sim-faults.ts";
import type { NetworkFaults } from "./sim-network.ts";

/** Streams between members and clients, and the links of members as the faults of a quorum see them. */
export function serviceNetwork(parts: {
  loop: EventLoop;
  random: Random;
  faults: NetworkFaults;
  members: readonly number[];
}): { network: MemoryNetwork; links: FaultyNetwork } {
  const { loop, random, faults, members } = parts;
  assert(members.length > 1, "a quorum has links");
  const latencyMs = (): number =>
    0.05 -
    Math.log(1 - random.next()) * links.faults.delayMsMean +
    (random.next() < links.faults.straggling ? 3000 * random.next() : 0);
  const network = new MemoryNetwork(new ProcessClock(loop), { latencyMs });
  const heal = (one: number, other: number): void => network.heal(`m${one}`, `m${other}`);
  const links: FaultyNetwork = {
    faults: { ...faults },
    onSend: (_from: number, _message: Message) => {},
    cut: (from, to) => network.cutOneWay(`m${from}`, `m${to}`),
    healLink: heal,
    heal: () => {
      for (const one of members) for (const other of members) if (one !== other) heal(one, other);
    },
  };
  return { network, links };
}
