import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: new URL(".", import.meta.url).pathname,
    include: ["**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two workers suit the two cores that the suite is budgeted for; more only makes real processes slower.
    maxWorkers: 2,
  },
});
