import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../../core/codes.ts";

/** What an id may look like before it becomes part of a path. */
const ID = /^[a-z0-9][a-z0-9_-]{0,127}$/;

/** The kept token of a request; null when there is none here. */
export function keptToken(directory: string, id: string): string | null {
  return readToken(pathOf(directory, id));
}

export function keepToken(directory: string, id: string, token: string): void {
  writeToken(directory, pathOf(directory, id), token);
}

export function dropToken(directory: string, id: string): void {
  rmSync(pathOf(directory, id), { force: true });
}

export function readToken(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

export function writeToken(directory: string, path: string, token: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(path, `${token}\n`, { mode: 0o600, flag: "wx" });
}

function pathOf(directory: string, id: string): string {
  if (ID.test(id)) return join(directory, id);
  throw new Fault("not_found");
}
