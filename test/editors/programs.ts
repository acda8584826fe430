import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, test } from "vitest";

/** Programs that people save notes with, and the Debian package of each. */
const PACKAGES = {
  vim: "vim",
  nvim: "neovim",
  emacs: "emacs-nox",
  nano: "nano",
  sed: "sed",
  perl: "perl-base",
  cp: "coreutils",
  mv: "coreutils",
  rsync: "rsync",
  git: "git",
  syncthing: "syncthing",
  script: "bsdutils",
} as const;

export type ProgramName = keyof typeof PACKAGES;

/** Tests of real programs. One that is missing is named loudly, and where everything must be there it is a failure. */
export function describeWith(programs: readonly ProgramName[], title: string, body: () => void): void {
  const missing = programs.filter((name) => !isThere(name));
  if (missing.length === 0) {
    describe(title, body);
    return;
  }
  const packages = missing.map((name) => PACKAGES[name]).join(" ");
  const why = `${missing.join(", ")} cannot be found: apt-get install --no-install-recommends ${packages}`;
  if (process.env.CI) {
    test(title, () => {
      throw new Error(why);
    });
    return;
  }
  process.stderr.write(`\nSKIPPED: ${title}: ${why}\n\n`);
  describe.skip(title, body);
}

function isThere(name: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
