/** A record's value tells who sent it, as which of its records to this partition, and as which of all that were sent to it. */
export type Stamp = { producer: string; number: number; told: number };

export const valueOf = ({ producer, number, told }: Stamp, pad: string): string =>
  [producer, number, told, pad].join(":");

export const stampOf = (value: string): Stamp => {
  const [producer, number, told] = value.split(":");
  return { producer: producer!, number: Number(number), told: Number(told) };
};
