/** The largest body that the daemon reads. Whoever sends more may be cut off before the answer comes that says so. */
export const BODY_LIMIT_BYTES = 1024 * 1024;
