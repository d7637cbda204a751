/**
 * The modules that threads and processes of the pool load first. This file lies beside them, because the build puts
 * each of them beside the file that names it.
 */

/** This file runs from source and from the build. */
const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

export const threadUrl = new URL(`./thread${extension}`, import.meta.url);
export const dryThreadUrl = new URL(`./dry-thread${extension}`, import.meta.url);
export const processUrl = new URL(`./process${extension}`, import.meta.url);
