import { watchAllocations } from "./fuzz/allocations.ts";
import { execute } from "./fuzz/execution.ts";
import { search } from "./fuzz/search.ts";
import { targets } from "./fuzz/targets.ts";
import { count, type Option, orEnd, positive, readOptions, someOf, UsageError, whole } from "./options.ts";

const usage = `usage: npm run fuzz -- [--runs N | --for SECONDS] [--target NAME,…] [--seed S]
  feeds hostile bytes to everything that reads bytes of strangers; exit code 1 when something else than the declared error comes of it
  --runs N        executions of all targets together
  --for SECONDS   time for all of them together (60)
  --target NAME   only these: ${targets.map(({ name }) => name).join(", ")}
  --seed S        of the changes made to inputs; drawn and printed unless given
  --input HEX     with one target: this input alone
`;

const seedsBelow = 2 ** 31;

const hexadecimal: Option<Buffer | null> = {
  takes: "pairs of hexadecimal digits",
  absent: null,
  read: (given) => (/^([\da-f]{2})*$/i.test(given) ? Buffer.from(given, "hex") : undefined),
};
const everything = targets.map(({ name }) => name);
const commandLine = {
  usage,
  options: {
    runs: count(null),
    for: positive(null),
    target: someOf(everything, everything),
    seed: whole({ min: 0, max: seedsBelow - 1 }, null),
    input: hexadecimal,
  },
};
const { options } = readOptions(commandLine);
const chosen = targets.filter(({ name }) => options.target.includes(name));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

if (options.input !== null && chosen.length !== 1)
  orEnd(commandLine, () => {
    throw new UsageError("--input takes one --target");
  });
process.exitCode = options.input === null ? searchAll() : replay(options.input);

/** One input, with the whole error. */
function replay(input: Buffer): number {
  using allocations = watchAllocations();
  const outcome = execute(chosen[0]!, input, allocations);
  say(outcome.is === "found" ? outcome.what : "nothing but what is declared");
  return outcome.is === "found" ? 1 : 0;
}

function searchAll(): number {
  const seed = options.seed ?? Math.floor(Math.random() * seedsBelow);
  const startMs = performance.now();
  const searched = search(chosen, {
    seed,
    runsMax: options.runs ?? Infinity,
    msMax: options.runs === null || options.for !== null ? (options.for ?? 60) * 1000 : Infinity,
    isWatched: (url) => url.includes("/packages/") && !url.includes("/testing/"),
  });
  for (const { name, executions, perSecond, kept } of searched.targets)
    say(`${name}: ${executions} executions, ${perSecond.toFixed(0)} a second, ${kept} inputs kept`);
  for (const { target, input, what } of searched.found)
    say(`FOUND in ${target}: ${what}\n  npm run fuzz -- --target ${target} --input ${input.toString("hex")}`);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
  const { executions, characters, found } = searched;
  say(
    `fuzz: seed ${seed}, ${executions} executions in ${seconds} s, ${characters} characters of code, ${found.length} findings`,
  );
  return found.length > 0 ? 1 : 0;
}
