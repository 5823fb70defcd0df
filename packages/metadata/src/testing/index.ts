export { ServiceNode } from "./service-node.ts";
export { SimDisk } from "./sim-disk.ts";
