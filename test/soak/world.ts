import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { type Locations, locate } from "../../src/adapters/locations.ts";
import { environment } from "../crash/kill-world.ts";

/** How long a typed word stands before it acts. */
export const SETTLE_MS = 300;

/** A vault with its configuration and the witness of every execution. */
export interface World {
  readonly base: string;
  readonly vault: string;
  readonly env: NodeJS.ProcessEnv;
  readonly places: Locations;
}

/** Bears witness, and takes as long as it is told to, so that saves meet a running action. */
const HANDLER = `#!/bin/sh
read -r job
id=\${job#*'"id":"'}
id=\${id%%'"'*}
takes=\${job#*'"takes":"'}
echo "$id" >> witness
sleep "\${takes%%'"'*}"
echo '{"receipt":"R-1"}'
`;

const CONFIGURATION = `settle: ${SETTLE_MS}ms
git: separate
actions:
  payment:
    run: [/bin/sh, ./handler.sh]
`;

export function makeWorld(template: string): World {
  const base = mkdtempSync(join(tmpdir(), "cs-soak-"));
  const vault = join(base, "vault");
  cpSync(template, vault, { recursive: true });
  writeFileSync(join(base, "countersign.yaml"), CONFIGURATION, { mode: 0o600 });
  writeFileSync(join(base, "handler.sh"), HANDLER);
  writeFileSync(join(base, "witness"), "");
  const env = environment(base);
  return { base, vault, env, places: locate({ vault }, env, base) };
}

export function removeWorld({ base }: World): void {
  rmSync(base, { recursive: true, force: true });
}

/** Ids of requests in the order in which their actions were carried out. */
export function witnessed({ base }: World): string[] {
  return readFileSync(join(base, "witness"), "utf8").split("\n").filter(Boolean);
}

/** Everything in the vault but git's own, by path below its root. */
export function pathsIn(vault: string): string[] {
  return readdirSync(vault, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(vault, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith(".git/"));
}

/** Null where there is no file: the daemon may take one away at any time. */
export function textAt({ vault }: Pick<World, "vault">, path: string): string | null {
  try {
    return readFileSync(join(vault, path), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
