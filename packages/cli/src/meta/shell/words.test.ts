import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resolvePath, splitWords } from "./words.ts";

describe("a line of the shell", () => {
  it.each([
    ["", []],
    ["  get   /a ", ["get", "/a"]],
    [`set /a '{"x": 1}'`, ["set", "/a", '{"x": 1}']],
    [`set /a "it's \\"so\\""`, ["set", "/a", `it's "so"`]],
    [`set /a ''`, ["set", "/a", ""]],
    [`a'b'"c"\\ d`, ["abc d"]],
    [`'\\n'`, ["\\n"]],
  ])("%j is words", (line, words) => {
    expect(splitWords(line)).toEqual(words);
  });

  it("with an open quote is no line", () => {
    expect(() => splitWords(`set /a "x`)).toThrow(`a " is not closed`);
  });

  it("gives back any word that was quoted", () => {
    const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
    fc.assert(
      fc.property(fc.array(fc.string()), (words) => {
        expect(splitWords(words.map(quoted).join(" "))).toEqual(words);
      }),
    );
  });

  it.each([
    ["/a/b", "c", "/a/b/c"],
    ["/a/b", "/c/", "/c"],
    ["/a/b", "../c/./d", "/a/c/d"],
    ["/a", "../../..", "/"],
    ["/", ".", "/"],
  ])("from %s, %s leads to %s", (directory, path, to) => {
    expect(resolvePath(directory, path)).toBe(to);
  });
});
