/** chokidar 6, without which saves are lost, needs this. */
const NEEDED = [22, 22] as const;

/** One sentence when this Node.js is older than what Countersign needs; null when it will do. */
export function nodeTooOld(version: string): string | null {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [neededMajor, neededMinor] = NEEDED;
  if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return null;
  return `Countersign needs Node.js ${neededMajor}.${neededMinor} or newer; this is ${version}.`;
}
