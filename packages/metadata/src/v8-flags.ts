/**
 * Flags that whoever starts a metadata node gives to Node, before the script. Nearly all of its heap is the tree, which stays: V8's own 16 MiB for
 * young objects, three times, and what they promote by dying late, cost more memory than ten thousand nodes and save little time. No limit is
 * set for old objects: a tree that outgrows it would end the process.
 */
export const v8Flags: readonly string[] = ["--max-semi-space-size=4"];
