// Stands in for a metadata node or a broker where only process control is under test: says READY, obeys signals and
// the control pipe. FAKE_NODE (a comma list of <role><id>=<behaviour>) makes one of them misbehave.
import { existsSync, mkdirSync } from "node:fs";
import { createServer, Socket } from "node:net";
import { parseArgs } from "node:util";

const text = { type: "string" } as const;
const options = {
  id: text,
  kafka: { ...text, multiple: true },
  listen: text,
  "control-fd": text,
  "data-dir": text,
} as const;
const { values } = parseArgs({ strict: false, options });
const role = values["kafka"] === undefined ? "metadata" : "broker";
const name = `${role}${String(values["id"])}`;
const behaviour = (process.env["FAKE_NODE"] ?? "")
  .split(",")
  .find((entry) => entry.startsWith(`${name}=`))
  ?.split("=")[1];

// A real node makes its data directory when it starts.
const isFirstStart = !existsSync(String(values["data-dir"]));
mkdirSync(String(values["data-dir"]), { recursive: true });

const say = (fields: object): void => {
  process.stdout.write(`${JSON.stringify({ level: 30, time: Date.now(), role, ...fields })}\n`);
};

function stop(): void {
  say({ evt: "STOPPED", msg: "stopped" });
  if (behaviour !== "hangs-at-exit") process.exit(0);
}

if (behaviour === "dies-at-start") {
  process.stdout.write("cannot read the disk\n");
  process.exit(7);
}
process.on("SIGTERM", () => {
  if (behaviour === "ignores-sigterm") say({ level: 40, msg: "does not stop" });
  else stop();
});
new Socket({ fd: Number(values["control-fd"]), readable: true, writable: false })
  .on("close", () => process.exit(0))
  .resume();
const address = String(values.listen ?? values.kafka?.[0]);
createServer()
  .listen(Number(address.slice(address.lastIndexOf(":") + 1)), "127.0.0.1")
  .on(
    "listening",
    () =>
      behaviour !== "never-ready" &&
      (behaviour !== "ready-once" || isFirstStart) &&
      say({ evt: "READY", msg: "serving", args: process.argv.slice(2), flags: process.execArgv }),
  );
