// `npm test`: brings the toolchain like `npm start`, then runs scripts/test.ts on it.
import { fail, handOver, prepare } from "./hand-over.js";

await prepare().then((node) => handOver(node, ["scripts/test.ts", ...process.argv.slice(2)]), fail);
