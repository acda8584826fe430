import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: new URL(".", import.meta.url).pathname,
    include: ["**/*.test.ts"],
    globalSetup: "./shared-program.ts",
    // Whatever waits, waits for an event: these are for what hangs, also on a machine that has other things to do.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two workers suit the two cores that the suite is budgeted for; more only makes real processes slower.
    maxWorkers: 2,
  },
});
