import { complaints, lineOf, type Complaint, type SourceFile } from "./source.ts";

const linesMax = 400;
const isCode = ({ path }: SourceFile): boolean => /\.(?:ts|js)$/.test(path);
const isThisRule = ({ path }: SourceFile): boolean => path.startsWith("scripts/tidy/");

export function checkLength(file: SourceFile): Complaint[] {
  const lines = lineOf(file.text, file.text.length) - (file.text.endsWith("\n") ? 1 : 0);
  if (!isCode(file) || lines <= linesMax) return [];
  const problem = `${lines} lines, more than ${linesMax}`;
  return [{ path: file.path, line: lines, problem, instead: "find the two things in it and give each a file" }];
}

export function checkLeftovers(file: SourceFile): Complaint[] {
  if (!isCode(file) || isThisRule(file)) return [];
  return complaints(file, file.text, /\b(?:TODO|FIXME|XXX|HACK)\b/g, ([word]) => ({
    problem: `a ${word} that nobody will come back to`,
    instead: "do it now, or say in words what is not there",
  }));
}

export function checkTestsRun(file: SourceFile): Complaint[] {
  if (!file.path.endsWith(".test.ts") || isThisRule(file)) return [];
  const pattern = /\b(?:it|test|describe|suite)(?:\.\w+)*\.(?:only|skip|todo)\b|\bx(?:it|describe)\(/g;
  return complaints(file, file.code, pattern, ([found]) => ({
    problem: `${found} keeps tests from running`,
    instead: "repair the test or delete it; what depends on the machine uses skipIf",
  }));
}

/** Scripts need the Node that the bootstrap brings; what is printed for people to type must run with theirs. */
export function checkCommands(file: SourceFile): Complaint[] {
  if (isThisRule(file)) return [];
  return complaints(file, file.text, /\bnode scripts\/(?!bootstrap\/)[\w./-]+\.ts\b/g, ([command]) => ({
    problem: `\`${command}\` runs with no Node but the newest`,
    instead: "npm run NAME -- …, or node scripts/bootstrap/run.js scripts/…",
  }));
}

/** Paths of one machine and hosts of one network's package registry have no business in a public repository. */
export function checkHosts(file: SourceFile): Complaint[] {
  if (isThisRule(file)) return [];
  const machine = complaints(
    file,
    file.text,
    /(?<![\w.~-])\/(?:work|root|home\/[a-z]\w*|Users\/\w+)\/[\w.-]+/g,
    ([path]) => ({
      problem: `the path ${path} of one machine`,
      instead: "compute it from import.meta.url, or take it as an argument",
    }),
  );
  const pattern = file.path.endsWith("pnpm-lock.yaml") ? /https?:\/\/\S+|\btarball:/g : registries;
  const hosts = complaints(file, file.text, pattern, ([host]) => ({
    problem: `the registry host ${host}`,
    instead: "leave it to the user's npm configuration",
  }));
  return [...machine, ...hosts];
}

const registries = /https?:\/\/[\w.:@-]*(?:registry|artifactory|nexus|verdaccio|mirror)[\w.-]*/g;
