import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Git, GitFailed, type Place } from "./git.ts";
import { Obstacle } from "./repository.ts";

/** The person's index. */
export interface Index {
  /**
   * Sets or removes entries, as `update-index --index-info` takes them, and keeps every other one. Rejects with an
   * `Obstacle` when another git process holds the index.
   */
  update(entries: readonly string[]): Promise<void>;
}

/**
 * The index of the person's repository, written under git's own lock but not under that repository's configuration:
 * whoever rewrites an index must look again at files that changed within its last tick, and for that git runs the clean
 * filters that the configuration names. So the writing happens from a git directory of our own, which names none; an
 * entry about which filters would have said otherwise is merely looked at again by the person's next `git status`.
 */
export function isolatedIndex(git: Git, home: string, make: (more: Partial<Place>) => Git): Index {
  let isolated: Git | null = null;

  async function prepare(): Promise<Git> {
    const said = await git.run([
      "rev-parse",
      "--show-object-format",
      "--git-path",
      "objects",
      "--git-path",
      "index",
    ]);
    const [format = "sha1", objects = "", index = ""] = said.split("\n");
    rmSync(home, { recursive: true, force: true });
    for (const folder of ["objects", "refs"]) mkdirSync(join(home, folder), { recursive: true, mode: 0o700 });
    writeFileSync(join(home, "HEAD"), "ref: refs/heads/none\n");
    const version = "[core]\n\trepositoryformatversion = 1\n";
    writeFileSync(join(home, "config"), `${version}[extensions]\n\tobjectformat = ${format}\n`);
    return make({ gitDir: home, objects: resolve(git.gitDir, objects), index: resolve(git.gitDir, index) });
  }

  return {
    async update(entries) {
      isolated ??= await prepare();
      try {
        const input = entries.map((entry) => `${entry}\0`).join("");
        await isolated.run(["update-index", "-z", "--index-info"], input);
      } catch (error) {
        isolated = null;
        throw error instanceof GitFailed && /index\.lock/.test(error.message)
          ? new Obstacle("index_locked")
          : error;
      }
    },
  };
}
