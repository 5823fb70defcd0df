import { checkImports, checkIndexFiles } from "./imports.ts";
import { checkPorts } from "./ports.ts";
import type { Complaint, SourceFile } from "./source.ts";
import { checkCommands, checkHosts, checkLeftovers, checkLength, checkTestsRun } from "./text.ts";

const rules = [
  checkImports,
  checkIndexFiles,
  checkPorts,
  checkLength,
  checkLeftovers,
  checkTestsRun,
  checkHosts,
  checkCommands,
] satisfies ((file: SourceFile) => Complaint[])[];

export function judge(file: SourceFile): Complaint[] {
  return rules.flatMap((rule) => rule(file));
}
