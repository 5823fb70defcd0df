import { Failure } from "../../terminal/failure.ts";

/** A line as words; quotes of either kind keep blanks together, and `\` takes the next character as it is. Throws a Failure when a quote stays open. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  for (let at = 0; at < line.length; at++) {
    const char = line[at]!;
    if (char === "\\" && quote !== "'" && at + 1 < line.length) word = (word ?? "") + line[++at]!;
    else if (quote === null && (char === '"' || char === "'")) [quote, word] = [char, word ?? ""];
    else if (char === quote) quote = null;
    else if (quote === null && /\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? "") + char;
  }
  if (quote !== null) throw new Failure("usage", `a ${quote} is not closed`);
  if (word !== null) words.push(word);
  return words;
}

/** Where `path` leads from `directory`: absolute, or over `.` and `..`. The root is above itself. */
export function resolvePath(directory: string, path: string): string {
  const names: string[] = [];
  for (const name of (path.startsWith("/") ? path : `${directory}/${path}`).split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `/${names.join("/")}`;
}
