import { checkpointProblem, parseCheckpoint, wholeNumber } from "../disk/checkpoint.ts";
import { type Found, damage, row } from "./found.ts";

/** A checkpoint of leader epochs: epoch and start offset, both going up. */
export function* dumpEpochs(bytes: Buffer): Generator<Found> {
  let before = { epoch: -1, startOffset: -1 };
  for (const { words, line } of lines(bytes)) {
    if (words === null) return yield damage(line, checkpointProblem(bytes));
    const entry = { epoch: wholeNumber(words[0]), startOffset: wholeNumber(words[1]) };
    if (words.length !== 2 || !areNumbers(entry)) yield damage(line, `not an epoch and an offset: ${words.join(" ")}`);
    else yield row(entry);
    if (entry.epoch <= before.epoch || entry.startOffset <= before.startOffset)
      yield damage(line, "epochs and their start offsets go up");
    before = entry;
  }
}

/** A checkpoint of offsets: topic, partition, offset. */
export function* dumpOffsets(bytes: Buffer): Generator<Found> {
  for (const { words, line } of lines(bytes)) {
    if (words === null) return yield damage(line, checkpointProblem(bytes));
    const entry = { partition: wholeNumber(words[1]), offset: wholeNumber(words[2]) };
    if (words.length !== 3 || !areNumbers(entry))
      yield damage(line, `not a topic, a partition and an offset: ${words.join(" ")}`);
    else yield row({ topic: words[0]!, ...entry });
  }
}

/** partition.metadata and meta.properties: names and values. */
export function* dumpProperties(bytes: Buffer, wanted: ReadonlyMap<string, RegExp>): Generator<Found> {
  const seen = new Set<string>();
  for (const [index, text] of bytes.toString("utf8").split("\n").entries()) {
    if (text === "" || text.startsWith("#")) continue;
    const [, name, value] = /^([\w.]+)\s*[:=]\s*(.*)$/.exec(text) ?? [];
    if (name === undefined || value === undefined) yield damage(index + 1, `not a name and a value: ${text}`);
    else {
      seen.add(name);
      yield row({ name, value });
      if (wanted.get(name)?.test(value) === false) yield damage(index + 1, `${name} is not ${value}`);
    }
  }
  for (const name of wanted.keys()) if (!seen.has(name)) yield damage(1, `${name} is missing`);
}

/** odradek-boot and odradek-directories: one word a line. */
export function* dumpWords(bytes: Buffer, name: string, wanted: RegExp): Generator<Found> {
  const words = bytes.toString("utf8").split("\n");
  const end = words.pop();
  for (const [index, word] of words.entries())
    yield wanted.test(word) ? row({ [name]: word }) : damage(index + 1, `no ${name}: ${word}`);
  if (end !== "") yield damage(words.length + 1, `the line does not end: ${end}`);
  if (words.length === 0) yield damage(1, `${name} is missing`);
}

/** Entries start on the third line: version and count stand before them. */
function lines(bytes: Buffer): { words: string[] | null; line: number }[] {
  const entries = parseCheckpoint(bytes);
  return entries === null ? [{ words: null, line: 1 }] : entries.map((words, index) => ({ words, line: index + 3 }));
}

const areNumbers = (entry: Readonly<Record<string, number>>): boolean =>
  Object.values(entry).every(Number.isSafeInteger);
