import { doors, edges } from "./house.ts";
import { complaints, isForTests, isTypeScript, type Complaint, type SourceFile } from "./source.ts";

const outside: { pattern: RegExp; instead: string }[] = [
  { pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bprocess\.hrtime\b/g, instead: "take a Clock" },
  { pattern: /(?<![.\w])set(?:Timeout|Interval|Immediate)\(/g, instead: "take a Clock and its timer" },
  { pattern: /\bMath\.random\(|\brandomBytes\(|\brandomUUID\(|\bgetRandomValues\(/g, instead: "take a Random" },
  { pattern: /\bprocess\.exit\(/g, instead: "return or throw; only main.ts ends the process" },
];

const edgeModules =
  /(?<!import type [^;]*)(?:(?<!\.)\bfrom|\bimport\s*\(?|\bgetBuiltinModule\()\s*"(node:(?:fs|net|http|https|http2|dgram|tls|dns|timers|child_process)(?:\/[a-z]+)?)"/g;

/** Time, chance, disk and network come through ports: only so can a whole cluster run under a seeded simulator. */
export function checkPorts(file: SourceFile): Complaint[] {
  if (!isTypeScript(file) || isForTests(file)) return [];
  if (edges.some((edge) => file.path === edge || (edge.endsWith("/") && file.path.startsWith(edge)))) return [];
  const open = doors[file.path] ?? [];
  return [
    ...outside.flatMap(({ pattern, instead }) =>
      complaints(file, file.code, pattern, ([match]) => ({
        problem: `${match.replace("(", "")} outside a port`,
        instead,
      })),
    ),
    ...complaints(file, file.code, edgeModules, ([, name]) =>
      open.includes(name!)
        ? null
        : { problem: `${name} outside a port`, instead: "take Files, Net or Rpc of @odradek/kit" },
    ),
  ];
}
