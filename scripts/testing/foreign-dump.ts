import { spawn } from "node:child_process";
import { once } from "node:events";

/** What another reader of Kafka's files said about some of ours. */
export type Dump = {
  /** Batches it found whole. */
  batches: number;
  /** Its complaints, and how it ended if not well. */
  complaints: string[];
};

/** A batch or file that is not as it should be, in the words of Kafka's DumpLogSegments. */
const COMPLAINT = /mismatch|out of order|isvalid: false|duplicate|exception|error|failed|corrupt|trailing|not match/i;
/** Names of files and data stand beside the words. */
const HARMLESS = /^(?:Dumping|Indexing) |passed sanity check|^Log starting offset/;

/** Runs the tool, `command`, over files; its class path, for example, stands in `command` already. */
export async function foreignDump(
  command: readonly string[],
  files: readonly string[],
  options: readonly string[] = [],
): Promise<Dump> {
  const [program, ...args] = [...command, ...options, "--files", files.join(",")];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [code] = (await once(child, "close")) as [number | null];
  const lines = output.split("\n");
  const complaints = lines.filter((line) => COMPLAINT.test(line) && !HARMLESS.test(line) && !isWhole(line));
  if (code !== 0) complaints.push(`ended with ${code}: ${lines.slice(-3).join(" ")}`);
  return { batches: lines.filter((line) => line.startsWith("baseOffset:") && isWhole(line)).length, complaints };
}

const isWhole = (line: string): boolean => line.includes("isvalid: true");
