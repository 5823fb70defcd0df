import { expect, it } from "vitest";
import { count, directory, flag, oneOf, parse, pattern, positive, someOf, whole, wholes } from "./options.ts";

const commandLine = {
  usage: "usage: test\n",
  word: oneOf(["log", "metadata"], null),
  options: {
    seeds: count(100),
    from: count(null),
    gap: whole({ min: 0, max: 9 }, 5),
    seconds: positive(4),
    faults: wholes(null),
    flush: oneOf(["group", "kafka"], "group"),
    rows: someOf(["read", "write"], ["read"]),
    only: pattern(/./),
    dir: directory("/"),
    planted: flag(),
  },
};

it("reads what was given, and takes for the rest what was agreed", () => {
  const args = "metadata --seeds 7 --gap=0 --seconds 0.5 --faults 3,7 --rows write,read --planted".split(" ");
  const { word, options } = parse(commandLine, args);
  expect(word).toBe("metadata");
  expect(options).toMatchObject({ seeds: 7, from: null, gap: 0, seconds: 0.5, faults: [3, 7], flush: "group" });
  expect(options).toMatchObject({ rows: ["write", "read"], dir: "/", planted: true });
});

it.each([
  ["log --seeds abc", "--seeds takes a whole number from 1 on, not abc"],
  ["log --seeds -1", "--seeds takes a whole number from 1 on, not -1"],
  ["log --seeds 0", "--seeds takes a whole number from 1 on, not 0"],
  ["log --seeds 1e3", "--seeds takes a whole number from 1 on, not 1e3"],
  ["log --seeds", "--seeds takes a whole number from 1 on"],
  ["log --seeds=", '--seeds takes a whole number from 1 on, not ""'],
  ["log --gap 10", "--gap takes a whole number from 0 to 9, not 10"],
  ["log --seconds 0", "--seconds takes a number greater than 0, not 0"],
  ["log --faults 1,x", "--faults takes whole numbers with commas between them, not 1,x"],
  ["log --flush none", "--flush takes one of group, kafka, not none"],
  ["log --rows read,none", "--rows takes some of read, write, with commas between them, not read,none"],
  ["log --only (", "--only takes a regular expression, not ("],
  ["log --dir /nowhere/at/all", "--dir takes a directory that exists, not /nowhere/at/all"],
  ["log --planted=yes", "--planted takes no value"],
  ["log --toString 1", "there is no option --toString"],
  ["log -x", "there is no option -x"],
  ["log metadata", "what is metadata?"],
  ["disk", "the word takes one of log, metadata, not disk"],
  ["--seeds 1", "a word is missing: one of log, metadata"],
])("does not take %j, and names what is wrong", (line, message) => {
  expect(() => parse(commandLine, line.split(" "))).toThrow(message);
});
