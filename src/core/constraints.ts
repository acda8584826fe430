/** What a handler is held to. What is absent holds it to nothing; an empty list allows nothing. */
export interface Constraints {
  /** The one that Countersign itself sees to. */
  readonly max_runtime_sec?: number;
  /** Hosts, such as `api.example.com`, `*.example.com` or `bank.example:443`. */
  readonly network_allowlist?: readonly string[];
  /** Files and folders. */
  readonly write_allowlist?: readonly string[];
}

/** Constraints that satisfy both: names are compared as they are written, so a list is rather too short than too long. */
export function stricterOf(one: Constraints | null, other: Constraints | null): Constraints | null {
  if (one === null || other === null) return one ?? other;
  const runtimes = [one.max_runtime_sec, other.max_runtime_sec].filter((sec) => sec !== undefined);
  const network = inBoth(one.network_allowlist, other.network_allowlist);
  const write = inBoth(one.write_allowlist, other.write_allowlist);
  return {
    ...(runtimes.length > 0 && { max_runtime_sec: Math.min(...runtimes) }),
    ...(network !== undefined && { network_allowlist: network }),
    ...(write !== undefined && { write_allowlist: write }),
  };
}

function inBoth(one?: readonly string[], other?: readonly string[]): readonly string[] | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.filter((name) => other.includes(name));
}

/** The constraints in words, one clause each; names stand in them as they were written. */
export function tellConstraints(constraints: Constraints | null): readonly string[] {
  const { max_runtime_sec, network_allowlist, write_allowlist } = constraints ?? {};
  return [
    ...(max_runtime_sec === undefined ? [] : [`it runs for ${max_runtime_sec} s at most`]),
    ...(network_allowlist === undefined ? [] : [tellList("it reaches", network_allowlist, "on the network")]),
    ...(write_allowlist === undefined ? [] : [tellList("it writes", write_allowlist, "among files")]),
  ];
}

function tellList(what: string, names: readonly string[], where: string): string {
  return names.length === 0 ? `${what} nothing ${where}` : `${what} only ${names.join(", ")} ${where}`;
}
