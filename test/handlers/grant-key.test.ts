import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Fault } from "../../src/core/codes.ts";
import { openGrantKey } from "../../src/handlers/grant-key.ts";

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "grant-key-"));
  path = join(directory, "grant-key.jwk");
});

afterEach(() => rmSync(directory, { recursive: true }));

async function refusal(): Promise<Fault> {
  const error: unknown = await openGrantKey(directory).catch((thrown) => thrown);
  if (error instanceof Fault) return error;
  throw new Error(`not refused: ${error}`);
}

test("is made once, for its owner alone, and found again", async () => {
  const made = await openGrantKey(directory);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory).sort()).toEqual(["grant-key.jwk", "grant-key.public.jwk"]);
  const found = await openGrantKey(directory);
  expect(found.publicKey).toEqual(made.publicKey);
  expect(found.privateKey.equals(made.privateKey)).toBe(true);
});

test("is the same for all who open it at once", async () => {
  const pairs = await Promise.all(Array.from({ length: 10 }, () => openGrantKey(directory)));
  expect(new Set(pairs.map(({ publicKey }) => publicKey.x)).size).toBe(1);
});

test("is made with mode 0600 whatever the umask", async () => {
  const before = process.umask(0);
  try {
    await openGrantKey(directory);
  } finally {
    process.umask(before);
  }
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("has its public half written again where that is missing or another key's", async () => {
  const { publicKey } = await openGrantKey(directory);
  const file = join(directory, "grant-key.public.jwk");
  writeFileSync(file, JSON.stringify({ ...publicKey, x: "AAAA" }));
  await openGrantKey(directory);
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(publicKey);
});

test.each([0o604, 0o640, 0o602, 0o660, 0o610])("is refused with mode %o", async (mode) => {
  await openGrantKey(directory);
  chmodSync(path, mode);
  const { code, message } = await refusal();
  expect(code).toBe("state_unsafe");
  expect(message).toContain(path);
});

test.skipIf(process.getuid?.() !== 0)(
  "is refused where it belongs to somebody else (needs root to try)",
  async () => {
    await openGrantKey(directory);
    chownSync(path, 65_534, 65_534);
    expect((await refusal()).code).toBe("state_unsafe");
  },
);

test("is refused behind a symbolic link", async () => {
  await openGrantKey(directory);
  renameSync(path, join(directory, "elsewhere"));
  symlinkSync("elsewhere", path);
  expect((await refusal()).code).toBe("state_unsafe");
});

test("is refused when damaged, without a word of what is in it", async () => {
  await openGrantKey(directory);
  const text = readFileSync(path, "utf8");
  const { d } = JSON.parse(text);
  const damaged = [
    "",
    "{}",
    text.slice(0, 60),
    text.replace("Ed25519", "X25519"),
    "x".repeat(5_000),
    `${d}{}`,
  ];
  for (const content of damaged) {
    writeFileSync(path, content);
    const fault = await refusal();
    expect(fault.code).toBe("state_unsafe");
    expect(`${fault.message} ${fault.hint} ${fault.stack} ${fault.cause}`).not.toContain(d.slice(0, 8));
  }
});
