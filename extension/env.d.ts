/** What the build puts into the extension of each browser. */
declare const PATTERNS_HAVE_PORTS: boolean;
