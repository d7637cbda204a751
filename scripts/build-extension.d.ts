/** Resolves when `<outdir>/extension` is written; rejects with the faults of the sources. */
export function buildExtension(outdir: string): Promise<void>;
