import { tell } from "./output.ts";

/** What passes sooner is not worth a word, and a word so often is enough. */
const quietMs = 1500;

/** For `onTrouble` of a client: tells a person who waits what goes wrong meanwhile, and the same thing once. */
export function tellTrouble(): (error: Error) => void {
  let toldAt = performance.now();
  let told = "";
  return ({ message }) => {
    const now = performance.now();
    if (message === told || now - toldAt < quietMs) return;
    told = message;
    toldAt = now;
    tell(`still trying: ${message}`);
  };
}
