import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { locate } from "../../src/adapters/locations.ts";

let root = "";
let vault = "";
const ENV = { HOME: "/home/nobody" };

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "cs-loc-")));
  vault = join(root, "My vault");
  mkdirSync(join(vault, "Pending_Approval"), { recursive: true });
  mkdirSync(join(vault, "Notes/2026"), { recursive: true });
});
afterAll(() => rmSync(root, { recursive: true }));

function id(): string {
  return `My-vault-${createHash("sha256").update(vault).digest("hex").slice(0, 8)}`;
}

describe("the vault", () => {
  test("--vault comes first, then $COUNTERSIGN_VAULT, then the folder one is in", () => {
    const other = join(root, "other");
    mkdirSync(other);
    const env = { ...ENV, COUNTERSIGN_VAULT: other };
    expect(locate({ vault }, env, root).vault).toBe(vault);
    expect(locate({ vault: "My vault" }, env, root).vault).toBe(vault);
    expect(locate({}, env, vault).vault).toBe(other);
    expect(locate({}, ENV, vault).vault).toBe(vault);
    expect(locate({}, ENV, join(vault, "Notes/2026")).vault).toBe(vault);
  });

  test("has one id, whatever way leads to it", () => {
    symlinkSync(vault, join(root, "link"));
    const found = locate({ vault: join(root, "link") }, ENV, "/");
    expect(found).toMatchObject({ vault, vault_id: id() });
  });

  test("that is not there, not a folder or not named is missing", () => {
    const missing = expect.objectContaining({ code: "vault_missing" });
    expect(() => locate({ vault: join(root, "none") }, ENV, root)).toThrow(missing);
    expect(() => locate({ vault: process.execPath }, ENV, root)).toThrow(missing);
    expect(() => locate({}, ENV, root)).toThrow(missing);
  });
});

describe("configuration and state", () => {
  test("stand in their home folders under the vault's id", () => {
    expect(locate({ vault }, ENV, root)).toEqual({
      vault,
      vault_id: id(),
      configuration: `/home/nobody/.config/countersign/${id()}/countersign.yaml`,
      state: `/home/nobody/.local/state/countersign/${id()}`,
      sockets: {
        agent: `/home/nobody/.local/state/countersign/${id()}/agent/socket`,
        reviewer: `/home/nobody/.local/state/countersign/${id()}/reviewer/socket`,
      },
      tokens: "/home/nobody/.local/state/countersign/tokens",
      pins: "/home/nobody/.local/state/countersign/pins",
    });
  });

  test("follow the XDG variables, which count only when absolute", () => {
    const env = { ...ENV, XDG_CONFIG_HOME: "/c", XDG_STATE_HOME: "s" };
    const found = locate({ vault }, env, root);
    expect(found.configuration).toBe(`/c/countersign/${id()}/countersign.yaml`);
    expect(found.state).toBe(`/home/nobody/.local/state/countersign/${id()}`);
  });

  test("are where they are named to be", () => {
    const env = { ...ENV, COUNTERSIGN_CONFIG: "mine.yaml" };
    expect(locate({ vault }, env, root).configuration).toBe(join(root, "mine.yaml"));
    expect(locate({ vault, config: "/x/y.yaml", state: "st" }, env, root)).toMatchObject({
      configuration: "/x/y.yaml",
      state: join(root, "st"),
    });
  });

  test("a state directory inside the vault is refused, also behind a link", () => {
    const unsafe = expect.objectContaining({ code: "state_unsafe" });
    symlinkSync(join(vault, "Notes"), join(root, "harmless"));
    expect(() => locate({ vault, state: join(vault, ".state") }, ENV, root)).toThrow(unsafe);
    expect(() => locate({ vault, state: vault }, ENV, root)).toThrow(unsafe);
    expect(() => locate({ vault, state: join(root, "harmless/deep/er") }, ENV, root)).toThrow(unsafe);
    expect(() => locate({ vault }, { XDG_STATE_HOME: vault }, root)).toThrow(unsafe);
    expect(locate({ vault, state: `${vault}-state` }, ENV, root).state).toBe(`${vault}-state`);
  });

  test("a configuration inside the vault is used only when --config names it", () => {
    const inside = join(vault, "countersign.yaml");
    expect(() => locate({ vault }, { ...ENV, COUNTERSIGN_CONFIG: inside }, root)).toThrow(
      expect.objectContaining({ code: "config_invalid" }),
    );
    expect(locate({ vault, config: inside }, ENV, root).configuration).toBe(inside);
  });
});

describe("sockets whose path would be too long", () => {
  const long = `/${"long/".repeat(20)}`;

  test("go to the runtime directory", () => {
    const env = { ...ENV, XDG_STATE_HOME: long, XDG_RUNTIME_DIR: "/run/user/7" };
    expect(locate({ vault }, env, root).sockets.reviewer).toBe(
      `/run/user/7/countersign/${id()}/reviewer/socket`,
    );
  });

  test("two states of one vault do not meet at one socket", () => {
    const env = { ...ENV, XDG_RUNTIME_DIR: "/run/user/7" };
    const one = locate({ vault, state: `${long}a` }, env, root).sockets.agent;
    const two = locate({ vault, state: `${long}b` }, env, root).sockets.agent;
    expect(one).not.toBe(two);
  });

  test("go to a folder of this user alone where there is no runtime directory", () => {
    const env = { ...ENV, XDG_STATE_HOME: long };
    expect(locate({ vault }, env, root).sockets.agent).toBe(
      `/tmp/countersign-${userInfo().uid}/${id()}/agent/socket`,
    );
  });

  test("never exceed what a kernel takes", () => {
    const wide = join(root, "ü".repeat(80));
    mkdirSync(wide);
    for (const env of [ENV, { ...ENV, XDG_STATE_HOME: long, XDG_RUNTIME_DIR: `${long}run` }]) {
      const { sockets } = locate({ vault: wide, state: `${long}x` }, env, root);
      expect(Buffer.byteLength(sockets.reviewer)).toBeLessThanOrEqual(100);
    }
  });
});
