import type { PlantedBug } from "@odradek/kit/simulation";

/** Bugs of elections and registrations. */
export const controllerBugs: PlantedBug[] = [
  {
    name: "sameEpoch",
    id: "P-22",
    what: "a new leader leads in the old one's epoch",
    edits: [
      {
        file: "controller/elect.ts",
        find: `leaderEpoch: now.leaderEpoch + 1,`,
        replace: `leaderEpoch: now.leaderEpoch,`,
      },
    ],
  },
  {
    name: "anyReplicaLeads",
    id: "P-17",
    what: "the first live replica leads, in sync or not",
    edits: [
      {
        file: "controller/elect.ts",
        find: `now.replicas.find((id) => inSync.includes(id)) ?? inSync[0]!`,
        replace: `now.replicas.find((id) => image.brokers.has(id)) ?? inSync[0]!`,
      },
    ],
  },
  {
    name: "uncleanByDefault",
    id: "P-17",
    what: "a replica that is not in sync leads when nobody else is there, without being allowed to",
    edits: [
      {
        file: "controller/elect.ts",
        find: `if (unclean !== undefined && mayBeUnclean())`,
        replace: `if (unclean !== undefined)`,
      },
    ],
  },
  {
    name: "lossyLeads",
    id: "P-15",
    what: "the first one back leads, though its disk may have lost records",
    edits: [
      {
        file: "controller/elect.ts",
        find: `inOrder.find((id) => isBack(id) && isSureNow(id));`,
        replace: `inOrder.find((id) => isBack(id));`,
      },
    ],
  },
  {
    name: "lossNotTold",
    id: "P-15",
    what: "a broker does not notice that the power was lost",
    edits: [{ file: "disk/boot-mark.ts", find: `return true; }`, replace: `return false; }` }],
  },
  {
    name: "restartedStays",
    id: "P-22",
    what: "a broker that restarted counts as the one that was in sync",
    edits: [
      {
        file: "cluster/registration-checks.ts",
        find: `!broker.shuttingDown && broker.registeredRevision < modifiedRevision;`,
        replace: `!broker.shuttingDown;`,
      },
    ],
  },
  {
    name: "resumesOldEpoch",
    id: "P-22",
    what: "a broker that restarted goes on leading in the epoch of its last life",
    edits: [
      {
        file: "cluster/assignments.ts",
        find: `leadsSinceRegistration: registration !== null && partition.modifiedRevision > registration.revision,`,
        replace: `leadsSinceRegistration: true,`,
      },
    ],
  },
  {
    name: "sameProducerIds",
    id: "I-11",
    what: "two brokers hand out the same producer ids",
    edits: [
      {
        file: "cluster/producer-ids.ts",
        find: `this.#block = { next, end };`,
        replace: `this.#block = { next: 0, end };`,
      },
    ],
  },
];
