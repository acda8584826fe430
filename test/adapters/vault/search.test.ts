import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSearch } from "../../../src/adapters/vault/search.ts";
import { renderNote } from "../../../src/document/note.ts";
import { sampleRequest, sampleSubmission } from "../../sample.ts";

const ID = "20261121-091403-payment-7f3k9q";
const OTHER = "20261121-091404-payment-8g4m2r";

let root: string;
let search: ReturnType<typeof createSearch>;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "search-"));
  search = createSearch(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const noteOf = (id: string) => renderNote(sampleRequest(["submitted"], sampleSubmission({ id })));
function put(path: string, text = noteOf(ID)): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
const find = async (...ids: string[]) => Object.fromEntries(await search.find(new Set(ids)));

describe("a note that was moved elsewhere in the vault", () => {
  test("is found by its name", async () => {
    put(`Projects/2026/${ID}.md`, "no properties any more");
    put(`Projects/2026/${OTHER}.md`, noteOf(OTHER));
    expect(await find(ID)).toEqual({ [ID]: `Projects/2026/${ID}.md` });
  });

  test.each([
    ["by its id where it was renamed as well", noteOf(ID)],
    ["with CRLF line ends and a BOM", `\ufeff${noteOf(ID).replaceAll("\n", "\r\n")}`],
    ["with a quoted id", noteOf(ID).replace(`id: ${ID}`, `id: "${ID}"`)],
    ["with far more text than is read", `${noteOf(ID)}${"é".repeat(200_000)}`],
    [
      "with far more properties than others have",
      noteOf(ID).replace("reason:", `memo: "${"x".repeat(9_000)}"\nreason:`),
    ],
  ])("is found %s", async (_, text) => {
    put("Bills/Pay ACME.md", text);
    put("Bills/other.md", "# nothing\n");
    expect(await find(ID, OTHER)).toEqual({ [ID]: "Bills/Pay ACME.md" });
  });

  test("is found wherever it goes, and gone when it is gone", async () => {
    put("a/one.md");
    expect(await find(ID)).toEqual({ [ID]: "a/one.md" });
    renameSync(join(root, "a/one.md"), join(root, "two.md"));
    expect(await find(ID)).toEqual({ [ID]: "two.md" });
    writeFileSync(join(root, "two.md"), noteOf(OTHER));
    expect(await find(ID, OTHER)).toEqual({ [OTHER]: "two.md" });
    rmSync(join(root, "two.md"));
    expect(await find(ID, OTHER)).toEqual({});
  });

  test.each<[string, () => void]>([
    ["in a hidden folder", () => put(".trash/one.md")],
    ["in a hidden file", () => put("a/.one.md")],
    ["in what is no note", () => put("a/one.txt")],
    ["where the id stands only in the text", () => put("a/one.md", `---\ntags: []\n---\nid: ${ID}\n`)],
    [
      "where the id is not a property of the note itself",
      () => put("a/one.md", `---\nof:\n  id: ${ID}\n---\n`),
    ],
    ["without an end of its properties", () => put("a/one.md", noteOf(ID).replace("\n---\n", "\n"))],
    ["kept beside a finished one", () => put(`Done/${ID}-late-1.md`)],
    [
      "behind a link to a file",
      () => {
        put("a.txt");
        symlinkSync(join(root, "a.txt"), join(root, "one.md"));
      },
    ],
    [
      "behind a link to a folder",
      () => {
        put(".hidden/one.md");
        symlinkSync(join(root, ".hidden"), join(root, "seen"));
      },
    ],
  ])("is not looked for %s", async (_, make) => {
    make();
    expect(await find(ID)).toEqual({});
  });

  test("costs no opening of notes that have not changed since the request was made", async () => {
    put("Bills/Pay ACME.md");
    // Moving it would have set its time of change, which nobody can set back.
    utimesSync(join(root, "Bills/Pay ACME.md"), 1, 1);
    expect(await find(ID)).toEqual({ [ID]: "Bills/Pay ACME.md" });
    const tomorrow = new Date(Date.now() + 3 * 86_400_000).toISOString();
    const later = `${tomorrow.slice(0, 10).replaceAll("-", "")}-000000-payment-7f3k9q`;
    put("Bills/Pay ACME.md", readFileSync(join(root, "Bills/Pay ACME.md"), "utf8").replaceAll(ID, later));
    expect(await find(later)).toEqual({});
  });
});
