/** The name of a partition's directory. */
export const partitionName = (topic: string, partition: number): string => `${topic}-${partition}`;

const NAME = /^([a-zA-Z0-9._-]{1,249})-(0|[1-9]\d{0,9})$/;
const DELETE_SUFFIX = /\.[0-9a-f]{32}-delete$/;

/** Topic names may hold dashes and dots themselves: the partition is what follows the last dash. */
export function parsePartitionName(name: string): { topic: string; partition: number } | null {
  const match = NAME.exec(name);
  return match === null ? null : { topic: match[1]!, partition: Number(match[2]) };
}

/** What a partition's directory is called from the moment it is given up until it is gone. */
export const deletedName = (name: string, uuid: Buffer): string => `${name}.${uuid.toString("hex")}-delete`;

export const isDeletedName = (name: string): boolean => DELETE_SUFFIX.test(name);
