import { execFileSync } from "node:child_process";
import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { openVault } from "../../../src/adapters/vault/vault.ts";
import type { Folder, Vault } from "../../../src/daemon/ports.ts";
import { sha256 } from "../../../src/document/digest.ts";
import { memoryVault } from "../../memory-vault.ts";

const ID = "20261121-091403-payment-7f3k9q";
const OTHER = "20261121-091404-payment-8g4m2r";
const PENDING = { folder: "pending", name: `${ID}.md` } as const;
const APPROVED = { folder: "approved", name: `${ID}.md` } as const;
const FOLDERS = { pending: "Pending_Approval", approved: "Approved", rejected: "Rejected", done: "Done" };

/** A vault under test, and a person's hand in it. */
interface Bench {
  readonly vault: Vault;
  write(folder: Folder | "done", name: string, text: string): void;
  read(folder: Folder | "done", name: string): string | null;
  remove(folder: Folder | "done", name: string): void;
}

const made: string[] = [];
afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
});

function realVault() {
  const root = mkdtempSync(join(tmpdir(), "vault-"));
  const staging = mkdtempSync(join(tmpdir(), "staging-"));
  made.push(root, staging);
  const pathOf = (folder: Folder | "done", name: string) => join(root, FOLDERS[folder], name);
  const vault = openVault({ root, folders: FOLDERS, staging: [staging] });
  const bench: Bench = {
    vault,
    write(folder, name, text) {
      mkdirSync(join(pathOf(folder, name), ".."), { recursive: true });
      writeFileSync(pathOf(folder, name), text);
    },
    read(folder, name) {
      try {
        return readFileSync(pathOf(folder, name), "utf8");
      } catch {
        return null;
      }
    },
    remove: (folder, name) => rmSync(pathOf(folder, name)),
  };
  return { ...bench, vault, root, staging, pathOf };
}

function memoryBench(): Bench {
  const vault = memoryVault();
  return {
    vault,
    write: (folder, name, text) => void vault.files.set(`${folder}/${name}`, Buffer.from(text)),
    read: (folder, name) => vault.files.get(`${folder}/${name}`)?.toString() ?? null,
    remove: (folder, name) => void vault.files.delete(`${folder}/${name}`),
  };
}

const bytes = (text: string) => Buffer.from(text);

function vaultContract(make: () => Bench): void {
  test("creates a note once and reads it back", async () => {
    const { vault, read } = make();
    expect(vault.read(ID)).toEqual([]);
    expect(await vault.create(ID, bytes("one"))).toBe(true);
    expect(await vault.create(ID, bytes("two"))).toBe(false);
    expect(vault.read(ID)).toEqual([{ ...PENDING, bytes: bytes("one") }]);
    expect(read("pending", `${ID}.md`)).toBe("one");
  });

  test("finds a note in whichever decision folder it is", () => {
    const { vault, write } = make();
    write("rejected", `${ID}.md`, "moved");
    expect(vault.read(ID)).toEqual([{ folder: "rejected", name: `${ID}.md`, bytes: bytes("moved") }]);
  });

  test("replaces only what is still as it was read", async () => {
    const { vault, write, read } = make();
    await vault.create(ID, bytes("one"));
    expect(await vault.replace(ID, PENDING, bytes("one"), bytes("two"))).toBe(true);
    write("pending", `${ID}.md`, "a person's");
    expect(await vault.replace(ID, PENDING, bytes("two"), bytes("three"))).toBe(false);
    expect(read("pending", `${ID}.md`)).toBe("a person's");
  });

  test("archives a note, and does it again without harm", async () => {
    const { vault, write, read } = make();
    await vault.create(ID, bytes("one"));
    const from = { ...PENDING, expected: bytes("one") };
    expect(await vault.archive(ID, from, bytes("final"))).toEqual({ name: `${ID}.md`, changed: false });
    expect(read("pending", `${ID}.md`)).toBeNull();
    expect(vault.readDone(ID)).toEqual({ path: `${ID}.md`, bytes: bytes("final") });
    write("pending", `${ID}.md`, "one");
    expect(await vault.archive(ID, from, bytes("final"))).toEqual({ name: `${ID}.md`, changed: false });
    expect(read("pending", `${ID}.md`)).toBeNull();
  });

  test("keeps a save that landed while it was being archived", async () => {
    const { vault, write, read } = make();
    write("pending", `${ID}.md`, "saved again");
    const archived = await vault.archive(ID, { ...PENDING, expected: bytes("one") }, bytes("final"));
    expect(archived).toEqual({ name: `${ID}.md`, changed: true });
    expect(read("pending", `${ID}.md`)).toBe("saved again");
    expect(read("done", `${ID}.md`)).toBe("final");
  });

  test("never overwrites a file of that name in Done", async () => {
    const { vault, write, read } = make();
    write("done", `${ID}.md`, "somebody's");
    expect(await vault.archive(ID, null, bytes("final"))).toEqual({ name: `${ID}-2.md`, changed: false });
    expect(read("done", `${ID}.md`)).toBe("somebody's");
    expect(read("done", `${ID}-2.md`)).toBe("final");
  });

  test("moves what came back beside the finished note, under a new name each time", async () => {
    const { vault, write, read } = make();
    write("pending", `${ID}.md`, "back");
    expect(await vault.keepLate(ID, PENDING, bytes("other"), bytes("answered"))).toBeNull();
    expect(await vault.keepLate(ID, PENDING, bytes("back"), bytes("answered"))).toBe(`${ID}-late-1.md`);
    write("pending", `${ID}.md`, "again");
    expect(await vault.keepLate(ID, PENDING, bytes("again"), bytes("answered 2"))).toBe(`${ID}-late-2.md`);
    expect(read("done", `${ID}-late-1.md`)).toBe("answered");
    expect(read("pending", `${ID}.md`)).toBeNull();
  });

  test("discards only what is still as it was read", async () => {
    const { vault, write, read } = make();
    write("approved", `${ID}.md`, "one");
    expect(await vault.discard(ID, APPROVED, bytes("two"))).toBe(false);
    expect(await vault.discard(ID, APPROVED, bytes("one"))).toBe(true);
    expect(read("approved", `${ID}.md`)).toBeNull();
  });

  test("keeps a foreign note that became a request, then takes it away; again without harm", async () => {
    const { vault, write, read } = make();
    expect(vault.readForeign("pay.md")).toBeNull();
    for (let n = 0; n < 2; n += 1) {
      write("pending", "pay.md", "asked");
      expect(vault.readForeign("pay.md")).toEqual({ bytes: bytes("asked") });
      expect(await vault.adopt(ID, "pay.md", bytes("asked"))).toBe(true);
      expect(read("pending", "pay.md")).toBeNull();
      expect(vault.readOriginal(ID)).toEqual(bytes("asked"));
    }
    expect(read("done", `${ID}-late-1.md`)).toBeNull();
  });

  test("keeps what was read of a foreign note, and leaves a newer save of it where it is", async () => {
    const { vault, write, read } = make();
    write("pending", "pay.md", "asked for more");
    expect(await vault.adopt(ID, "pay.md", bytes("asked"))).toBe(false);
    expect(read("pending", "pay.md")).toBe("asked for more");
    expect(vault.readOriginal(ID)).toEqual(bytes("asked"));
  });

  test("never overwrites what is kept of a foreign note", async () => {
    const { vault, write, read } = make();
    write("done", `${ID}-original.md`, "a person's");
    write("pending", "pay.md", "asked");
    expect(await vault.adopt(ID, "pay.md", bytes("asked"))).toBe(true);
    expect(read("done", `${ID}-original.md`)).toBe("a person's");
    expect(read("done", `${ID}-late-1.md`)).toBe("asked");
  });

  test("scans the decision folders, and marks change with their files", async () => {
    const { vault, write } = make();
    write("pending", `${ID}.md`, "one");
    write("approved", "a stranger.md", "x");
    write("done", `${OTHER}.md`, "x");
    const scan = async () => {
      const entries = [];
      for await (const slice of vault.scan()) entries.push(...slice);
      return entries;
    };
    const first = await scan();
    expect(first.map(({ folder, name }) => `${folder}/${name}`).sort()).toEqual([
      "approved/a stranger.md",
      `pending/${ID}.md`,
    ]);
    expect(await scan()).toEqual(first);
    write("pending", `${ID}.md`, "other");
    expect(await scan()).not.toEqual(first);
  });

  describe("a file with a name of its own", () => {
    const note = (id: string) => `---\nid: ${id}\n---\n`;
    const places = (vault: Vault, id: string) =>
      vault.read(id).map(({ folder, name }) => `${folder}/${name}`);

    test.each([
      `${ID} 1.md`,
      `${ID}.sync-conflict-20261121-042342-QEFQQME.md`,
      `${ID} (Ada's conflicted copy 2026-11-21).md`,
      `${ID} (Conflicted copy phone 202611210914).md`,
      `${ID}-LAPTOP.md`,
      `${ID.toUpperCase()}.MD`,
      "Pay ACME.md",
    ])("belongs to the request whose id is inside: %s", (name) => {
      const { vault, write } = make();
      write("pending", name, note(ID));
      expect(vault.notice({ folder: "pending", name })).toBe(ID);
      expect(places(vault, ID)).toEqual([`pending/${name}`]);
    });

    test("belongs, where the inside cannot be read, to the request whose id its name begins with", () => {
      const { vault, write } = make();
      write("rejected", `${ID} 1.md`, "---\nid: [\n");
      expect(vault.notice({ folder: "rejected", name: `${ID} 1.md` })).toBe(ID);
      write("pending", `${ID} 2.md`, note(OTHER));
      expect(vault.notice({ folder: "pending", name: `${ID} 2.md` })).toBe(OTHER);
      expect(places(vault, ID)).toEqual([`rejected/${ID} 1.md`]);
    });

    test.each([
      `.${ID}.md.swp`,
      `.#${ID}.md`,
      `#${ID}.md#`,
      `${ID}.md~`,
      `.syncthing.${ID}.md.tmp`,
      `~syncthing~${ID}.md.tmp`,
      "4913",
      "a stranger.md",
    ])("that is no copy belongs to none: %s", (name) => {
      const { vault, write } = make();
      write("pending", name, name === "a stranger.md" ? "hello" : note(ID));
      expect(vault.notice({ folder: "pending", name })).toBeNull();
      expect(vault.read(ID)).toEqual([]);
    });

    test("that only looks like a note's is known by the id inside once it was looked at", async () => {
      const { vault, write } = make();
      const name = `${ID}-laptop.md`;
      write("pending", name, note(ID));
      expect(vault.noticeInside({ folder: "pending", name })).toBe(ID);
      expect(places(vault, ID)).toEqual([`pending/${name}`]);
      for await (const slice of vault.scan()) expect(slice.every(({ id }) => id === ID)).toBe(true);
      write("pending", `${ID}.md`, note(ID));
      expect(vault.noticeInside({ folder: "pending", name: `${ID}.md` })).toBeNull();
      expect(places(vault, ID)).toEqual([`pending/${ID}.md`, `pending/${name}`]);
    });

    test("is known to a scan before its first slice, and gone when it is gone", async () => {
      const { vault, write, remove } = make();
      write("pending", `${ID}.md`, note(ID));
      write("rejected", `${ID} 1.md`, note(ID));
      for await (const _ of vault.scan()) expect(places(vault, ID)).toHaveLength(2);
      remove("rejected", `${ID} 1.md`);
      vault.notice({ folder: "rejected", name: `${ID} 1.md` });
      expect(places(vault, ID)).toEqual([`pending/${ID}.md`]);
    });

    test("is replaced, kept beside or taken away under its own name", async () => {
      const { vault, write, read } = make();
      const place = { folder: "pending", name: "Pay ACME.md" } as const;
      write("pending", place.name, note(ID));
      vault.notice(place);
      expect(await vault.replace(ID, place, bytes(note(ID)), bytes("two"))).toBe(true);
      expect(read("pending", place.name)).toBe("two");
      expect(await vault.keepLate(ID, place, bytes("two"), bytes("kept"))).toBe(`${ID}-late-1.md`);
      expect(read("pending", place.name)).toBeNull();
    });
  });

  test("finds notes that were moved elsewhere by their names", async () => {
    const { vault, write } = make();
    write("done", `2026-10/${ID}.md`, "x");
    const found = await vault.findElsewhere(new Set([ID, OTHER]));
    expect([...found.keys()]).toEqual([ID]);
    expect(found.get(ID)).toMatch(new RegExp(`2026-10/${ID}\\.md$`));
  });

  test("files finished notes of past months away, and still finds them", async () => {
    const { vault, write, read } = make();
    write("done", `${ID}.md`, "old");
    write("done", `${ID}-late-1.md`, "old edit");
    write("done", "mine.md", "a person's own");
    await vault.fileAwayMonths("2026-11");
    expect(read("done", `${ID}.md`)).toBe("old");
    await vault.fileAwayMonths("2026-12");
    expect(read("done", `2026-11/${ID}.md`)).toBe("old");
    expect(read("done", `2026-11/${ID}-late-1.md`)).toBe("old edit");
    expect(read("done", "mine.md")).toBe("a person's own");
    expect(vault.readDone(ID)).toEqual({ path: `2026-11/${ID}.md`, bytes: bytes("old") });
    expect(await vault.replaceDone(ID, `2026-11/${ID}.md`, bytes("other"), bytes("new"))).toBe(false);
    expect(await vault.replaceDone(ID, `2026-11/${ID}.md`, bytes("old"), bytes("new"))).toBe(true);
    expect(read("done", `2026-11/${ID}.md`)).toBe("new");
  });
}

describe("the memory vault", () => vaultContract(memoryBench));

describe("a real folder", () => {
  vaultContract(realVault);

  test("finds copies that nobody told of, once", async () => {
    const { vault, write } = realVault();
    await vault.findNewCopies();
    write("pending", "a stranger.md", "hello");
    write("pending", `${ID} 1.md`, "---\nid: [\n");
    expect(await vault.findNewCopies()).toBe(true);
    expect(vault.read(ID).map(({ name }) => name)).toEqual([`${ID} 1.md`]);
    expect(await vault.findNewCopies()).toBe(false);
  });

  test("misses no copy that was there at the call, however soon it is asked again", async () => {
    const { vault, write } = realVault();
    for (let n = 0; n < 500; n += 1) write("pending", `other ${n}.txt`, "");
    for (let n = 1; n <= 50; n += 1) {
      void vault.findNewCopies();
      write("pending", `${ID} ${n}.md`, "");
      expect(await vault.findNewCopies()).toBe(true);
    }
    expect(vault.read(ID)).toHaveLength(50);
  });

  test("sees a copy in a folder that is a link to one elsewhere", async () => {
    const { vault, write, pathOf } = realVault();
    const folder = join(pathOf("pending", "x"), "..");
    const elsewhere = mkdtempSync(join(tmpdir(), "elsewhere-"));
    made.push(elsewhere);
    rmSync(folder, { recursive: true });
    symlinkSync(elsewhere, folder);
    const now = vi.spyOn(performance, "now");
    for (const at of [10_000, 20_000]) {
      now.mockReturnValue(at);
      expect(await vault.findNewCopies()).toBe(false);
    }
    write("pending", `${ID} 1.md`, "");
    now.mockReturnValue(30_000);
    expect(await vault.findNewCopies()).toBe(true);
    now.mockRestore();
  });

  test("sees whose a file is that was empty when it was listed first", async () => {
    const { vault, write } = realVault();
    write("pending", "mine.md", "");
    expect(await vault.findNewCopies()).toBe(false);
    write("pending", "mine.md", `---\nid: ${ID}\n---\n`);
    expect(await vault.findNewCopies()).toBe(true);
  });

  test("reads nothing through links, from what is no file, or of any size", () => {
    const { vault, pathOf, write } = realVault();
    const path = pathOf("pending", `${ID}.md`);
    const becomes = (problem: string) => {
      expect(vault.read(ID)).toEqual([{ ...PENDING, problem }]);
      rmSync(path, { recursive: true });
    };
    symlinkSync("/etc/passwd", path);
    becomes("not_a_file");
    mkdirSync(path);
    becomes("not_a_file");
    execFileSync("mkfifo", [path]);
    becomes("not_a_file");
    write("done", "x.md", "x");
    linkSync(pathOf("done", "x.md"), path);
    becomes("hard_linked");
    write("pending", `${ID}.md`, "");
    truncateSync(path, 300_000_000);
    becomes("note_too_large");
  });

  test("leaves nothing behind in its staging folder", async () => {
    const { vault, staging } = realVault();
    await vault.create(ID, bytes("one"));
    await vault.create(ID, bytes("one"));
    await vault.replace(ID, PENDING, bytes("one"), bytes("two"));
    await vault.replace(ID, PENDING, bytes("one"), bytes("two"));
    await vault.archive(ID, { ...PENDING, expected: bytes("two") }, bytes("final"));
    await vault.writeOwn("Dashboard.md", "text", () => true);
    await vault.writeOwn("Dashboard.md", "another", () => true);
    await vault.writeOwn("Dashboard.md", "a third", () => false);
    await vault.close();
    expect(readdirSync(staging)).toEqual([]);
  });

  test("puts a note back that a crash left aside, and never over another one", async () => {
    const { vault, staging, read, write } = realVault();
    writeFileSync(join(staging, `${ID}.pending.1-1.old`), "taken away");
    writeFileSync(join(staging, `${ID}.pending.1-2.new`), "half writ");
    await vault.recover();
    expect(read("pending", `${ID}.md`)).toBe("taken away");
    write("pending", `${OTHER}.md`, "saved since");
    writeFileSync(join(staging, `${OTHER}.pending.1-3.old`), "older");
    await vault.recover();
    expect(read("pending", `${OTHER}.md`)).toBe("saved since");
    expect(read("pending", `${OTHER} (saved meanwhile).md`)).toBe("older");
    expect(readdirSync(staging)).toEqual([]);
  });

  test("makes no copy of a note that a crash left aside when its own answer stands in its place", async () => {
    const { vault, staging, pathOf, read, write } = realVault();
    const hashes = [sha256("asked"), sha256("answered")].join("-");
    const aside = (n: number, text: string) =>
      writeFileSync(join(staging, `${ID}.pending.1-${n}.${hashes}.old`), text);
    write("pending", `${ID}.md`, "answered");
    aside(1, "asked");
    await vault.recover();
    expect(readdirSync(pathOf("pending", "."))).toEqual([`${ID}.md`]);
    expect(read("pending", `${ID}.md`)).toBe("answered");
    // What was written into it since is the newest save.
    aside(2, "asked, and more");
    await vault.recover();
    expect(readdirSync(pathOf("pending", "."))).toEqual([`${ID}.md`]);
    expect(read("pending", `${ID}.md`)).toBe("asked, and more");
    await vault.close();
    expect(readdirSync(staging)).toEqual([]);
  });

  test("keeps what an editor writes into a note that it had open when the note was taken away", async () => {
    const { vault, staging, pathOf, read } = realVault();
    const text = "a note that is saved in two writes";
    const file = openSync(pathOf("pending", `${ID}.md`), "w");
    writeSync(file, text.slice(0, 20));
    await vault.archive(ID, { ...PENDING, expected: bytes(text.slice(0, 20)) }, bytes("final"));
    writeSync(file, text.slice(20));
    closeSync(file);
    await vault.close();
    expect(read("pending", `${ID}.md`)).toBe(text);
    expect(readdirSync(staging)).toEqual([]);
  });

  test("takes what an editor goes on writing for the newest save when the daemon had replaced the note", async () => {
    const { vault, pathOf, read } = realVault();
    for (const [other, expected] of [
      [null, { [`${ID}.md`]: "first, and the rest" }],
      [
        "a newer save",
        { [`${ID}.md`]: "a newer save", [`${ID} (saved meanwhile).md`]: "first, and the rest" },
      ],
    ] as const) {
      const file = openSync(pathOf("pending", `${ID}.md`), "w");
      writeSync(file, "first");
      expect(await vault.replace(ID, PENDING, bytes("first"), bytes("first, answered"))).toBe(true);
      writeSync(file, ", and the rest");
      closeSync(file);
      if (other !== null) writeFileSync(pathOf("pending", `${ID}.md`), other);
      await vault.close();
      const names = readdirSync(pathOf("pending", "."));
      expect(Object.fromEntries(names.map((name) => [name, read("pending", name)]))).toEqual(expected);
    }
  });

  test("does the same for what an earlier process had taken away, and makes no copy of what did not change", async () => {
    const first = realVault();
    await first.vault.create(ID, bytes("one"));
    await first.vault.create(OTHER, bytes("two"));
    for (const [id, text] of [
      [ID, "one"],
      [OTHER, "two"],
    ] as const) {
      await first.vault.archive(
        id,
        { folder: "pending", name: `${id}.md`, expected: bytes(text) },
        bytes("final"),
      );
    }
    const [name = ""] = readdirSync(first.staging).filter((one) => one.startsWith(ID));
    writeFileSync(join(first.staging, name), "one, and more");
    const next = openVault({ root: first.root, folders: FOLDERS, staging: [first.staging] });
    await next.recover();
    expect(first.read("pending", `${ID}.md`)).toBe("one, and more");
    expect(first.read("pending", `${OTHER}.md`)).toBeNull();
    expect(readdirSync(first.staging)).toEqual([]);
    await first.vault.close();
  });

  test("finishes the taking away of a foreign note that a crash cut short, and never as the request's note", async () => {
    const { vault, root, staging, write, read } = realVault();
    write("done", `${ID}-original.md`, "asked");
    const aside = (end: string, text: string) => writeFileSync(join(staging, `${ID}.foreign.1-${end}`), text);
    aside("1.old", "asked");
    aside(`2.${"0".repeat(64)}.retired`, "asked");
    aside("3.old", "written into it meanwhile");
    await vault.recover();
    expect(readdirSync(staging)).toEqual([]);
    expect(readdirSync(join(root, FOLDERS.pending))).toEqual([]);
    expect(readdirSync(join(root, FOLDERS.done)).sort()).toEqual([`${ID}-late-1.md`, `${ID}-original.md`]);
    expect(read("done", `${ID}-late-1.md`)).toBe("written into it meanwhile");
  });

  test("keeps what a program writes into a foreign note that was taken away, after a crash too", async () => {
    const { vault, root, staging, write, read } = realVault();
    write("pending", "pay.md", "asked");
    await vault.adopt(ID, "pay.md", bytes("asked"));
    for (const name of readdirSync(staging)) writeFileSync(join(staging, name), "asked for more");
    const next = openVault({ root, folders: FOLDERS, staging: [staging] });
    await next.recover();
    expect(readdirSync(join(root, FOLDERS.pending))).toEqual([]);
    expect(read("done", `${ID}-original.md`)).toBe("asked");
    expect(read("done", `${ID}-late-1.md`)).toBe("asked for more");
  });

  test("reads no foreign note through a link, of two names, from what is no file, or of any size", () => {
    const { vault, root, pathOf, write } = realVault();
    write("done", "secret.md", "secret");
    symlinkSync(pathOf("done", "secret.md"), pathOf("pending", "link.md"));
    linkSync(pathOf("done", "secret.md"), pathOf("pending", "twice.md"));
    mkdirSync(pathOf("pending", "folder.md"));
    write("pending", "large.md", "");
    truncateSync(join(root, FOLDERS.pending, "large.md"), 50_000_000);
    expect(vault.readForeign("link.md")).toEqual({ problem: "not_a_file" });
    expect(vault.readForeign("twice.md")).toEqual({ problem: "hard_linked" });
    expect(vault.readForeign("folder.md")).toEqual({ problem: "not_a_file" });
    expect(vault.readForeign("large.md")).toEqual({ problem: "note_too_large" });
  });

  test("makes a folder again that was taken away with its last note", async () => {
    const { vault, root } = realVault();
    rmSync(join(root, FOLDERS.pending), { recursive: true });
    rmSync(join(root, FOLDERS.done), { recursive: true });
    expect(await vault.create(ID, bytes("one"))).toBe(true);
    expect(await vault.archive(ID, null, bytes("final"))).toEqual({ name: `${ID}.md`, changed: false });
  });

  test("takes a second place for its temporary files when the first is on another file system", async () => {
    const { root, staging } = realVault();
    const vault = openVault({ root, folders: FOLDERS, staging: ["/dev/shm/countersign-test", staging] });
    made.push("/dev/shm/countersign-test");
    expect(await vault.create(ID, bytes("one"))).toBe(true);
  });
});
