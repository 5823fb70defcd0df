import type { Reader } from "../bytes/reader.ts";
import type { Writer } from "../bytes/writer.ts";

/** A message version. `flexible` versions (KIP-482) have compact lengths and tagged fields. */
export type Version = { readonly number: number; readonly flexible: boolean };

/** Reads and writes one version of something. `D` (draft) is what may be written for a `T`: optional fields may be left out. */
export type Codec<T, D = T> = {
  /** The fewest bytes a value takes. */
  readonly bytesMin: number;
  read(reader: Reader): T;
  write(writer: Writer, value: D): void;
};

/** A description of a value in all its versions. `compile` gives code that no longer knows about versions. */
export type Type<T, D = T> = { compile(version: Version): Codec<T, D> };

// oxlint-disable-next-line typescript/no-explicit-any -- the only type every Type is assignable to
export type AnyType = Type<any, any>;

/** What reading gives. */
export type Infer<S> = S extends Type<infer T, infer _> ? T : never;

/** What writing takes: the same, but fields that have an `absent` value may be left out. */
export type Draft<S> = S extends Type<infer _, infer D> ? D : never;

export const fixed = <T>(codec: Codec<T>): Type<T> => ({ compile: () => codec });
