import { addressOf, fold, isAlias, isCanonical, isEmail } from "./names.ts";

/** Who runs `init`, as far as the machine knows. */
interface Someone {
  /** By the operating system. */
  readonly user: string;
  /** By git. */
  readonly name: string | null;
  readonly email: string | null;
}

/** People to begin with: whoever is at the machine. What is no proper name or address is left out. */
export function renderStarterPeople({ user, name, email }: Someone): string {
  const canonical = nameFor(user);
  const alias = name !== null && isAlias(name) && fold(name) !== fold(canonical) ? name : null;
  const address = email !== null && isEmail(email) ? email : null;
  const identity = `${name} <${email}>`;
  const git = name !== null && addressOf(identity) !== null ? identity : null;
  const lines = [
    alias && `    names: [${JSON.stringify(alias)}]`,
    address && `    email: ${JSON.stringify(address)}`,
    git && `    git: ${JSON.stringify(git)}`,
  ].filter((line) => line !== null);
  return [
    "# Who may decide, by the name they sign with. The vault's handbook says what else this file can hold.",
    "persons:",
    ...(lines.length === 0 ? [`  ${quoted(canonical)}: {}`] : [`  ${quoted(canonical)}:`, ...lines]),
    "  # bob:",
    "  #   names: [Bob Builder]",
    "  #   email: bob@example.org",
    "",
    "# Groups can be approvers in policy.yaml, like persons.",
    "# groups:",
    `#   treasury: [${quoted(canonical)}, bob]`,
    "",
  ].join("\n");
}

/** The user's name where it can be one here, else what is left of it. */
function nameFor(user: string): string {
  const plain = user
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[^A-Za-z0-9._@+-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .replace(/-+$/, "")
    .slice(0, 64);
  return isCanonical(plain) ? plain : "me";
}

/** A name such as `1e3` or `null` would be read as something else. */
function quoted(name: string): string {
  return /^[A-Za-z][A-Za-z0-9._-]*$/.test(name) && !/^(null|true|false)$/i.test(name)
    ? name
    : JSON.stringify(name);
}
