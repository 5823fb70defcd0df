import type { Handler } from "./handler.ts";

/** Every API we serve. What ApiVersions advertises and how requests find their handler follow from this one table. */
export const handlers: readonly Handler[] = [];

const byKey: ReadonlyMap<number, Handler> = new Map(handlers.map((one) => [one.api.key, one]));

/** The handler for this API and version, or undefined when we do not serve it. */
export function handlerFor(apiKey: number, apiVersion: number): Handler | undefined {
  const found = byKey.get(apiKey);
  return found?.api.supports(apiVersion) === true ? found : undefined;
}
