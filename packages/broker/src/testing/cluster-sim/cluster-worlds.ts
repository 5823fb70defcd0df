export { simulateCluster as simulateSeed } from "./cluster-sim.ts";
