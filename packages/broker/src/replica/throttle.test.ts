import { VirtualClock } from "@odradek/kit/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Throttle } from "./throttle.ts";

test("over any time as many bytes pass as the rate allows, one burst and one portion more at most", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1000, max: 1_000_000 }),
      fc.array(fc.integer({ min: 1, max: 500_000 }), { minLength: 20, maxLength: 40 }),
      async (rate, portions) => {
        const clock = new VirtualClock();
        const throttle = new Throttle(clock, () => rate);
        let passed = 0;
        for (const portion of portions) {
          for (let waitMs = throttle.waitMs(); waitMs > 0; waitMs = throttle.waitMs()) await clock.advance(waitMs);
          throttle.spend(portion);
          passed += portion;
        }
        const elapsedMs = clock.now();
        expect(passed).toBeLessThanOrEqual((rate * (elapsedMs + 1000)) / 1000 + 500_000);
        expect(passed).toBeGreaterThanOrEqual((rate * (elapsedMs - 1000)) / 1000);
      },
    ),
    { numRuns: 30 },
  );
});

test("without a rate everything passes; a rate of 0 lets nothing pass and is asked for again within a second", async () => {
  const clock = new VirtualClock();
  let rate = Infinity;
  const throttle = new Throttle(clock, () => rate);
  throttle.spend(1e9);
  expect(throttle.waitMs()).toBe(0);
  rate = 0;
  expect(throttle.waitMs()).toBe(1000);
  rate = 1_000_000;
  await clock.advance(1000);
  expect(throttle.waitMs()).toBe(0);
});
