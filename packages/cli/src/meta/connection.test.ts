import { expect, it } from "vitest";
import { doneOrFail } from "./connection.ts";

it("explains to whoever was refused a delete for want of space that a full disk takes none", () => {
  const refused = () => doneOrFail({ is: "failed", at: 0, failure: "NO_SPACE", path: "/a" });
  expect(refused).toThrow(/while it is `low`, .* makes the tree larger, and while it is `full`, .* not even a delete/);
});
