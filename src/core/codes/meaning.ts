/** What a code means, and what to do about it: a row of the handbook's table. */
export interface Meaning {
  readonly means: string;
  readonly hint: string;
}
