import type { Codec, Type, Version } from "./type.ts";
import { sameValue } from "./same-value.ts";

/** A struct's field that not every version has. Absent, it reads as `absent`; on writing it may be left out. */
export type Field<T, D = T> = Type<T, D> & {
  readonly absent: T;
  /** Set for tagged fields, which stand at the end of a struct and only when they differ from `absent`. */
  readonly tag?: number;
  exists(version: Version): boolean;
};

export type VersionedField<T, D = T> = Field<T, D> & {
  /** The same, but writing another value than `absent` to a version without the field is a RangeError: it would be lost. */
  readonly strict: Field<T, D>;
};

export const isField = (type: Type<unknown, never>): type is Field<unknown, never> => "absent" in type;

/** Reads as `absent` without a byte. */
export function absentCodec<T, D>(absent: T, strict: boolean): Codec<T, D> {
  return {
    bytesMin: 0,
    read: () => absent,
    write: (_, value) => {
      if (strict && !sameValue(value, absent))
        throw new RangeError(`this version can't carry ${JSON.stringify(value)}`);
    },
  };
}

function versioned<T, D>(first: number, last: number, type: Type<T, D>, absent: T): VersionedField<T, D> {
  if (Array.isArray(absent)) Object.freeze(absent); // every message that lacks the field shares it
  const exists = (version: Version): boolean => version.number >= first && version.number <= last;
  const field = (strict: boolean): Field<T, D> => ({
    absent,
    exists,
    compile: (version) => (exists(version) ? type.compile(version) : absentCodec<T, D>(absent, strict)),
  });
  return { ...field(false), strict: field(true) };
}

/** The field exists from version `first` on. */
export const since = <T, D>(first: number, type: Type<T, D>, absent: NoInfer<T>): VersionedField<T, D> =>
  versioned(first, Infinity, type, absent);

/** The field exists up to version `last`. */
export const until = <T, D>(last: number, type: Type<T, D>, absent: NoInfer<T>): VersionedField<T, D> =>
  versioned(0, last, type, absent);

/** The field exists from version `first` to version `last`. */
export const between = <T, D>(
  first: number,
  last: number,
  type: Type<T, D>,
  absent: NoInfer<T>,
): VersionedField<T, D> => versioned(first, last, type, absent);

/** The field exists in every version and may be left out when writing. */
export const optional = <T, D>(type: Type<T, D>, absent: NoInfer<T>): VersionedField<T, D> =>
  versioned(0, Infinity, type, absent);

/** A tagged field (KIP-482) of flexible versions from `first` on. */
export const tagged = <T, D>(tag: number, type: Type<T, D>, absent: NoInfer<T>, first = 0): Field<T, D> => {
  if (Array.isArray(absent)) Object.freeze(absent);
  return {
    tag,
    absent,
    exists: (version) => version.flexible && version.number >= first,
    compile: (version) => type.compile(version),
  };
};
