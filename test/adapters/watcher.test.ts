import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { remoteAt, remoteName } from "../../src/adapters/file-system.ts";
import { type Watcher, type WatchOptions, watchFolders } from "../../src/adapters/watcher.ts";
import { until } from "../bench/machine.ts";

let root: string;
let folder: string;
let watcher: Watcher | null = null;
let names: string[];
let gaps: number;
let told: (string | null)[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "watcher-"));
  folder = join(root, "Pending_Approval");
  mkdirSync(folder);
  names = [];
  gaps = 0;
  told = [];
});

afterEach(async () => {
  await watcher?.close();
  rmSync(root, { recursive: true, force: true });
});

async function watch(options: WatchOptions = {}): Promise<void> {
  const listener = {
    onFile: (path: string) => void names.push(basename(path)),
    onGap: () => {
      gaps += 1;
    },
    onBlind: (because: string | null) => void told.push(because),
    onError: (error: unknown) => {
      throw error;
    },
  };
  watcher = watchFolders([folder], listener, { check_ms: 10, ...options });
  await watcher.ready;
}

async function seen(name: string): Promise<void> {
  writeFileSync(join(folder, name), "x");
  await until(() => names.includes(name), 5_000);
}

describe("a watched folder", () => {
  test("tells of its files, and is neither blind nor has gaps", async () => {
    await watch();
    await seen("a.md");
    expect({ told, gaps }).toEqual({ told: [], gaps: 0 });
  });

  test("tells of each file that came, changed and went, whatever became of it since", async () => {
    writeFileSync(join(folder, "old.md"), "x");
    await watch();
    for (let i = 0; i < 100; i += 1) {
      writeFileSync(join(folder, `${i}.md`), "x");
      rmSync(join(folder, `${i}.md`));
    }
    writeFileSync(join(folder, "old.md"), "y");
    renameSync(join(folder, "old.md"), join(root, "elsewhere.md"));
    mkdirSync(join(folder, "inner"));
    writeFileSync(join(folder, "inner", "deep.md"), "x");
    await seen("last.md");
    const all = [...Array.from({ length: 100 }, (_, i) => `${i}.md`), "old.md", "inner", "last.md"];
    expect(new Set(names)).toEqual(new Set(all));
    expect({ told, gaps }).toEqual({ told: [], gaps: 0 });
  });

  test("tells of its files where a link stands in its place", async () => {
    renameSync(folder, join(root, "elsewhere"));
    symlinkSync("elsewhere", folder);
    await watch();
    await seen("a.md");
    expect({ told, gaps }).toEqual({ told: [], gaps: 0 });
  });

  test.each<[string, () => void]>([
    [
      "that was removed and made again",
      () => {
        rmSync(folder, { recursive: true });
        mkdirSync(folder);
      },
    ],
    [
      "in whose place another one was put",
      () => {
        mkdirSync(`${folder}.new`);
        renameSync(folder, `${folder}.old`);
        renameSync(`${folder}.new`, folder);
      },
    ],
  ])("%s is watched again, and the gap is told", async (_, replace) => {
    await watch();
    await seen("a.md");
    replace();
    await until(() => gaps > 0, 5_000);
    await seen("b.md");
    expect(told).toEqual([]);
  });

  test("that is away for a while is watched once it is back", async () => {
    await watch();
    rmSync(folder, { recursive: true });
    await until(() => gaps === 1, 5_000);
    expect(existsSync(folder)).toBe(false);
    mkdirSync(folder);
    await until(() => gaps > 1, 5_000);
    await seen("a.md");
  });

  test("on a file system that tells nothing of elsewhere says so, and gives what hints there are", async () => {
    await watch({ remote: () => "NFS" });
    expect(told).toEqual([expect.stringContaining("NFS")]);
    await seen("a.md");
    expect(told.length).toBe(1);
  });
});

describe("a file system", () => {
  test.each([
    ["NFS", 0x6969],
    ["SMB", 0xff534d42],
    ["SMB", -11317950],
    ["SMB", 0xfe534d42],
    ["FUSE", 0x65735546],
    ["9p", 0x01021997],
    ["a VirtualBox shared folder", 0x786f4256],
  ])("%s (%i) tells nothing of what is changed elsewhere", (name, type) => {
    expect(remoteName(type)).toBe(name);
  });

  test.each([
    ["ext4", 0xef53],
    ["btrfs", 0x9123683e],
    ["XFS", 0x58465342],
    ["tmpfs", 0x01021994],
    ["overlay", 0x794c7630],
    ["ZFS", 0x2fc12fc1],
    ["bcachefs", 0xca451a4e],
  ])("%s (%i) does", (_, type) => {
    expect(remoteName(type)).toBeNull();
  });

  test("is asked for at a path that may be missing", () => {
    expect(remoteAt(root)).toBeNull();
    expect(remoteAt(join(root, "none"))).toBeNull();
  });
});
