import { ProtocolError } from "../bytes/protocol-error.ts";
import type { Reader } from "../bytes/reader.ts";
import { Writer } from "../bytes/writer.ts";
import { absentCodec, isField } from "./field.ts";
import { sameValue } from "./same-value.ts";
import type { AnyType, Codec, Draft, Infer, Type, Version } from "./type.ts";

type Shape = { readonly [name: string]: AnyType };
type OptionalNames<S extends Shape> = {
  [K in keyof S]: S[K] extends { readonly absent: unknown } ? K : never;
}[keyof S];
type Flat<T> = { [K in keyof T]: T[K] };

export type StructOf<S extends Shape> = { -readonly [K in keyof S]: Infer<S[K]> };
export type StructDraft<S extends Shape> = Flat<
  { readonly [K in Exclude<keyof S, OptionalNames<S>>]: Draft<S[K]> } & {
    readonly [K in OptionalNames<S>]?: Draft<S[K]> | undefined;
  }
>;

export type Struct<S extends Shape> = Type<StructOf<S>, StructDraft<S>> & {
  /** One byte ahead: -1 for null, 1 for a value. */
  readonly nullable: Type<StructOf<S> | null, StructDraft<S> | null>;
  readonly shape: S;
};

type Value = { [name: string]: unknown };
type AnyCodec = Codec<unknown, unknown>;
type Member = { readonly name: string; readonly absent: unknown; readonly codec: AnyCodec };
type TaggedMember = Member & { readonly tag: number };

/** Fields in the order in which they stand on the wire; tagged fields (anywhere in the shape) stand behind them. */
export function struct<const S extends Shape>(shape: S): Struct<S> {
  const compile = (version: Version): Codec<StructOf<S>, StructDraft<S>> => {
    const { members, tagged } = compileMembers(shape, version);
    const codec = version.flexible ? flexibleStruct(members, tagged) : plainStruct(members);
    return codec as unknown as Codec<StructOf<S>, StructDraft<S>>;
  };
  return { shape, compile, nullable: { compile: (version) => nullableStruct(compile(version)) } };
}

function compileMembers(shape: Shape, version: Version): { members: Member[]; tagged: TaggedMember[] } {
  const members: Member[] = [];
  const tagged: TaggedMember[] = [];
  for (const [name, type] of Object.entries(shape)) {
    if (!isField(type)) {
      members.push({ name, absent: undefined, codec: type.compile(version) });
    } else if (type.tag === undefined) {
      members.push({ name, absent: type.absent, codec: type.compile(version) });
    } else {
      // In its place a tagged field reads as absent, so that all values of a struct have their fields in one order.
      members.push({ name, absent: type.absent, codec: absentCodec(type.absent, false) });
      if (type.exists(version)) tagged.push({ name, tag: type.tag, absent: type.absent, codec: type.compile(version) });
    }
  }
  tagged.sort((a, b) => a.tag - b.tag);
  return { members, tagged };
}

function plainStruct(members: readonly Member[]): Codec<Value> {
  return {
    bytesMin: members.reduce((sum, { codec }) => sum + codec.bytesMin, 0),
    read: (r) => {
      const it: Value = {};
      for (const { name, codec } of members) it[name] = codec.read(r);
      return it;
    },
    write: (w, it) => {
      for (const { name, codec, absent } of members) {
        const value = it[name];
        codec.write(w, value === undefined ? absent : value);
      }
    },
  };
}

function flexibleStruct(members: readonly Member[], tagged: readonly TaggedMember[]): Codec<Value> {
  const plain = plainStruct(members);
  const byTag = new Map(tagged.map((member) => [member.tag, member]));
  return {
    bytesMin: plain.bytesMin + 1,
    read: (r) => {
      const it = plain.read(r);
      readTags(r, byTag, it);
      return it;
    },
    write: (w, it) => {
      plain.write(w, it);
      writeTags(w, tagged, it);
    },
  };
}

const NO_TAGS: ReadonlyMap<number, TaggedMember> = new Map();

function readTags(r: Reader, known: ReadonlyMap<number, TaggedMember>, it: Value): void {
  const count = r.uvarint();
  if (count === 0) return;
  for (let left = r.count(count, 2); left > 0; left--) {
    const tag = r.uvarint();
    const size = r.count(r.uvarint(), 1);
    const member = known.get(tag);
    if (member === undefined) {
      r.skip(size);
      continue;
    }
    const outerEnd = r.end;
    const end = r.offset + size;
    r.end = end; // the value may not read past its declared size
    it[member.name] = member.codec.read(r);
    if (r.offset !== end) throw new ProtocolError(`tagged field ${member.name} is shorter than declared`);
    r.end = outerEnd;
  }
}

function writeTags(w: Writer, tagged: readonly TaggedMember[], it: Value): void {
  const present = tagged.filter(({ name, absent }) => it[name] !== undefined && !sameValue(it[name], absent));
  w.uvarint(present.length);
  for (const { name, tag, codec } of present) {
    const body = new Writer(256);
    codec.write(body, it[name]);
    w.uvarint(tag);
    w.uvarint(body.size);
    w.append(body);
  }
}

/** The tagged fields of a header, all of them unknown to us. */
export const skipTags = (r: Reader): void => readTags(r, NO_TAGS, {});

function nullableStruct<T, D>(codec: Codec<T, D>): Codec<T | null, D | null> {
  return {
    bytesMin: 1,
    read: (r) => (r.int8() < 0 ? null : codec.read(r)),
    write: (w, value) => {
      w.int8(value === null ? -1 : 1);
      if (value !== null) codec.write(w, value);
    },
  };
}
