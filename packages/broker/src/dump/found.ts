/** One thing that stands in a file: a batch, a record, an entry, a line. Keys are stable. */
export type Row = Readonly<Record<string, string | number | boolean | null>>;

/** What a dump finds, in the order of the file. `position` counts bytes in binary files and lines, from 1, in text. */
export type Found =
  | { readonly is: "row"; readonly row: Row }
  | { readonly is: "damage"; readonly position: number; readonly problem: string };

export const row = (fields: Row): Found => ({ is: "row", row: fields });
export const damage = (position: number, problem: string): Found => ({ is: "damage", position, problem });
