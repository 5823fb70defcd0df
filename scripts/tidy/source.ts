/** One tracked file as the rules see it. */
export type SourceFile = {
  /** From the repository root, with slashes. */
  path: string;
  text: string;
  /** The text with comments blanked out, line breaks kept: what is said in a comment breaks no rule about code. */
  code: string;
};

export type Complaint = { path: string; line: number; problem: string; instead: string };

/** Strings are matched first, so that a `//` inside one does not begin a comment. */
const stringsAndComments = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;

export function sourceFile(path: string, text: string): SourceFile {
  const code = text.replace(stringsAndComments, (match, string?: string) => string ?? match.replace(/[^\n]/g, " "));
  return { path, text, code };
}

export const isTypeScript = ({ path }: SourceFile): boolean => path.endsWith(".ts");

/** Tests and what only tests use: they may look everywhere and wait for real time. */
export const isForTests = ({ path }: SourceFile): boolean => path.endsWith(".test.ts") || path.includes("/testing/");

/** One complaint for each place in `text` that matches. */
export function complaints(
  file: SourceFile,
  text: string,
  pattern: RegExp,
  say: (match: RegExpExecArray) => { problem: string; instead: string } | null,
): Complaint[] {
  return [...text.matchAll(pattern)].flatMap((match) => {
    const said = say(match);
    return said === null ? [] : [{ path: file.path, line: lineOf(text, match.index), ...said }];
  });
}

export function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}
