/** Writes the dashboard into `<outdir>/web`. */
export function buildWeb(outdir: string): Promise<void>;
