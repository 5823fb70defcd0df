// node scripts/bootstrap/run.js SCRIPT [ARGUMENTS]: brings the toolchain like `npm start`, then runs the script on it.
import { fail, handOver, prepare } from "./hand-over.js";

await prepare().then((node) => handOver(node, process.argv.slice(2)), fail);
