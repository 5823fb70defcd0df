import { assert, DESCRIPTORS_RESERVED } from "@odradek/kit";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Bounds of the network edge, each with its reason. */
export const serverLimits = {
  /** Receive buffers come in three sizes: for idle connections, for ordinary ones, for fast ones (PERFORMANCE §10). */
  slabBytesSmall: 4 * KIB,
  slabBytesMedium: 64 * KIB,
  slabBytesLarge: 4 * MIB,
  /** Large slabs in use at once; beyond, connections make do with medium ones, so idle holders of large ones can't add up. */
  slabsLargeMax: 64,
  /** Free slabs kept for reuse: 64 MiB of large ones, 4 MiB of medium ones. */
  slabsFreeMax: 16,
  slabsMediumFreeMax: 64,
  /** Bytes of one connection's requests under way, as received and decoded; one frame may exceed it when it is alone. */
  requestBytesInFlightMax: 32 * MIB,
  /** The same for all connections together; each may have one request under way all the same. */
  requestBytesMax: 512 * MIB,
  /**
   * Elements of all lists of one request. Three bytes can become an object of a hundred, so 100 MiB of them would fill any heap; the largest
   * honest requests name some ten thousand partitions.
   */
  requestElementsMax: 500_000,
  /** What an element with an empty name and an empty list takes, measured; it counts towards the bytes under way. */
  elementBytes: 100,
  /** Reads in a row that must be small before a connection gives up its larger slab. */
  smallReadsBeforeShrink: 64,
  /** Probes ask seldom, and one at a time. */
  httpConnectionsMax: 64,
  /** At most so often the log tells of connections that are turned away. */
  refusalsToldEveryMs: 10_000,
  /** How long a closing listener waits for requests that are under way. */
  closeGraceMs: 1000,
} as const;

assert(serverLimits.slabBytesSmall < serverLimits.slabBytesMedium, "slab sizes ascend");
assert(serverLimits.slabBytesMedium < serverLimits.slabBytesLarge, "slab sizes ascend");
// A full large slab must fit, else a connection at its bound could not hand over what it has received.
assert(serverLimits.requestBytesInFlightMax >= 2 * serverLimits.slabBytesLarge, "a slab's requests fit in flight");
// As many are left for the process itself and its streams to other nodes; clients' connections and files share the rest (RELIABILITY L-25).
assert(2 * serverLimits.httpConnectionsMax <= DESCRIPTORS_RESERVED, "descriptors are kept back for probes");
