/** The environment as the entry was given it: nothing else reads it. */
export type Environment = Readonly<Record<string, string | undefined>>;
