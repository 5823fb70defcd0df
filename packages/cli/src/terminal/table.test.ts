import { expect, it } from "vitest";
import { table } from "./table.ts";

it("aligns columns and leaves no blanks at the end of a line", () => {
  expect(
    table(
      ["NAME", "N"],
      [
        ["a", "1"],
        ["longer", ""],
      ],
    ),
  ).toBe("NAME    N\na       1\nlonger\n");
});

it("has no first line without headers", () => {
  expect(table([], [["a", "b"]])).toBe("a  b\n");
});
