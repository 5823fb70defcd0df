import type { Target } from "./target.ts";
import { metadataFiles, tree, treeRows, treeSnapshots } from "./targets/metadata.ts";
import { peers } from "./targets/peers.ts";
import { batches, compression } from "./targets/records.ts";
import { checkpoints, segments, snapshots } from "./targets/stored.ts";
import { groups, images, settings } from "./targets/texts.ts";
import { frames, requests, responses } from "./targets/wire.ts";

/** Everything that reads bytes of strangers, of peers, of a disk, or of a person. */
export const targets: readonly Target[] = [
  ...[frames, requests, responses, batches, compression, groups],
  ...[segments, snapshots, checkpoints],
  ...[peers, tree, treeRows, treeSnapshots, metadataFiles],
  ...[settings, images],
];
