import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import * as files from "../../../src/adapters/files.ts";
import { createCopies } from "../../../src/adapters/vault/copies.ts";

const ID = "20261121-091403-payment-7f3k9q";

let folder: string;
/** What the folder's own times say; the files' are as they are. */
let mark: string;
let now: number;

vi.mock("../../../src/adapters/files.ts", async (original) => {
  const real = await original<typeof files>();
  return { ...real, markOf: vi.fn(real.markOf), listFolder: vi.fn(real.listFolder) };
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "copies-"));
  mark = "1";
  now = 0;
  vi.mocked(files.markOf).mockImplementation((path) =>
    path.startsWith(`${folder}/`) && path.endsWith(".md") ? path : mark,
  );
  vi.mocked(files.listFolder).mockClear();
  vi.spyOn(performance, "now").mockImplementation(() => now);
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const open = () => createCopies(({ name }) => join(folder, name));
const write = (name: string) => writeFileSync(join(folder, name), "");

describe("a file system whose times are coarse", () => {
  test.each([0, 1, 1_999])("does not hide a copy that came %i ms behind the first listing", (ms) => {
    const copies = open();
    expect(copies.findNew("pending", folder)).toBe(false);
    now = ms;
    write(`${ID} 1.md`);
    expect(copies.findNew("pending", folder)).toBe(true);
    expect(copies.of(ID)).toHaveLength(1);
  });

  test("is believed that nothing came since a listing that its present mark had long stood at", () => {
    const copies = open();
    copies.findNew("pending", folder);
    now = 5_000;
    copies.findNew("pending", folder);
    expect(files.listFolder).toHaveBeenCalledTimes(2);
    now = 10_000;
    copies.findNew("pending", folder);
    expect(files.listFolder).toHaveBeenCalledTimes(2);
    write(`${ID} 1.md`);
    mark = "2";
    expect(copies.findNew("pending", folder)).toBe(true);
  });
});
