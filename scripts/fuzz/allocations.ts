/** Bytes asked for since it was set to 0. */
export type Allocations = Disposable & { bytes: number };

const POINTER_BYTES = 8;
type Sized = (first: unknown) => number;

/** Elements that a constructor's argument asks for: a number of them, or something to copy. */
const elements: Sized = (first) => (typeof first === "number" ? first : 0);
const elementsListed: Sized = (first) => Number((first as { length?: unknown } | null)?.length ?? 0) || 0;

/**
 * Counts what the code asks for by a number: `Buffer.alloc(n)`, `new Array(n)`, `new Uint8Array(n)`, `Array.from({ length: n })`,
 * `"x".repeat(n)`. That is how a length in hostile bytes becomes memory (RELIABILITY N-03); lists that grow by elements that were
 * read can't. What is asked for is counted before it is given, so a bomb is seen even when it does not go off.
 */
export function watchAllocations(): Allocations {
  const undo: (() => void)[] = [];
  const allocations: Allocations = {
    bytes: 0,
    [Symbol.dispose]: () => {
      for (const one of undo) one();
    },
  };
  const count = (bytes: number): void => {
    if (bytes > 0) allocations.bytes += bytes;
  };
  const replace = (owner: object, name: string, by: (original: unknown) => unknown): void => {
    const original = Object.getOwnPropertyDescriptor(owner, name)!;
    Object.defineProperty(owner, name, { ...original, value: by(original.value) });
    undo.push(() => Object.defineProperty(owner, name, original));
  };
  const method = (owner: object, name: string, bytesOf: (self: unknown, first: unknown) => number): void =>
    replace(owner, name, (original) => {
      const call = original as (...args: unknown[]) => unknown;
      return function counted(this: unknown, ...args: unknown[]): unknown {
        count(bytesOf(this, args[0]));
        return call.apply(this, args);
      };
    });

  for (const name of ["alloc", "allocUnsafe", "allocUnsafeSlow"])
    method(Buffer, name, (_self, first) => elements(first));
  method(Buffer, "concat", (_self, list) =>
    (list as readonly Uint8Array[]).reduce((sum, part) => sum + part.length, 0),
  );
  method(String.prototype, "repeat", (self, first) => String(self).length * elements(first));
  method(Array, "from", (_self, first) => elementsListed(first) * POINTER_BYTES);
  for (const [name, bytesEach] of countedConstructors) {
    replace(
      globalThis,
      name,
      (original) =>
        new Proxy(original as new (...args: unknown[]) => object, {
          construct(made, args, target) {
            if (args.length === 1 || name === "ArrayBuffer") count(elements(args[0]) * bytesEach);
            return Reflect.construct(made, args, target) as object;
          },
        }),
    );
  }
  return allocations;
}

const countedConstructors: readonly [string, number][] = [
  ["Array", POINTER_BYTES],
  ["ArrayBuffer", 1],
  ["Uint8Array", 1],
  ["Uint16Array", 2],
  ["Int32Array", 4],
  ["Uint32Array", 4],
  ["Float64Array", 8],
  ["BigInt64Array", 8],
];
