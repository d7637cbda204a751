/**
 * The modules with which threads and processes of the pool begin. They are named here, in their own folder, because the
 * build puts what each begins with beside the file that names it.
 */

/** The same file runs from source and from the build. */
const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

export const threadUrl = new URL(`./thread${extension}`, import.meta.url);
export const dryThreadUrl = new URL(`./dry-thread${extension}`, import.meta.url);
export const processUrl = new URL(`./process${extension}`, import.meta.url);
