/** Between two listings there is at least so many times what one took: in a crowd they are shared. */
const LISTING_SHARE = 1;

/** Lists the folders now, or shares the next listing with all who ask before its turn; true where it found something. */
export function createListing(list: () => boolean): () => boolean | Promise<boolean> {
  /** The next listing, which all who ask meanwhile share. */
  let next: Promise<boolean> | null = null;
  let listAgainAt = 0;

  function listNow(): boolean {
    const began = performance.now();
    const found = list();
    const now = performance.now();
    listAgainAt = now + LISTING_SHARE * (now - began);
    return found;
  }

  return () => {
    const wait = listAgainAt - performance.now();
    if (next === null && wait <= 0) return listNow();
    next ??= new Promise<void>((resolve) => void setTimeout(resolve, wait)).then(() => {
      next = null;
      return listNow();
    });
    return next;
  };
}
