import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

let place: string;

/** A folder for the program that the files of tests of one run share: see `buildProgram`. */
export function setup(project: TestProject): void {
  place = mkdtempSync(join(tmpdir(), "cs-programs-"));
  process.env.COUNTERSIGN_TEST_PROGRAM = place;
  // In watch mode another run is of other sources.
  project.onTestsRerun(() => rmSync(join(place, "program"), { recursive: true, force: true }));
}

export function teardown(): void {
  rmSync(place, { recursive: true, force: true });
}
