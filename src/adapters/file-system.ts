import { statfsSync } from "node:fs";

/**
 * File systems on which changes that are made elsewhere reach nobody here, by the number that Linux calls them by:
 * the other machine, or the other side of the virtual machine, writes past this kernel.
 */
const REMOTE: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xfe534d42, "SMB"],
  [0xff534d42, "SMB"],
  [0x65735546, "FUSE"],
  [0x01021997, "9p"],
  [0x786f4256, "a VirtualBox shared folder"],
  [0xbacbacbc, "a VMware shared folder"],
  [0x7c7c6673, "a Parallels shared folder"],
  [0x5346414f, "AFS"],
  [0x6b414653, "AFS"],
  [0x73757245, "Coda"],
  [0x564c, "NCP"],
  [0x00c36400, "Ceph"],
  [0x0bd00bd0, "Lustre"],
  [0x47504653, "GPFS"],
  [0x01161970, "GFS2"],
  [0x7461636f, "OCFS2"],
  [0x00c0ffee, "a file system of its host"],
]);

/** What a file system of this number (`f_type`) is called where it tells nobody about changes; null for all others. */
export function remoteName(type: number): string | null {
  // The same number comes back negative where the system's own type for it is a signed one of 32 bits.
  return REMOTE.get(type < 0 ? type >>> 0 : type) ?? null;
}

/** The same for the file system that a path is on; null as well where that cannot be asked. */
export function remoteAt(path: string): string | null {
  // Elsewhere the numbers mean something else, or nothing.
  if (process.platform !== "linux") return null;
  try {
    return remoteName(statfsSync(path).type);
  } catch {
    return null;
  }
}
