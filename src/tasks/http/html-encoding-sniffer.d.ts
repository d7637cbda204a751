/** The package ships no types. Only what we use of it. */
declare module 'html-encoding-sniffer' {
  /** The name of the charset of a page, `defaultEncoding` where the page names none. */
  export default function sniffHtml(bytes: Uint8Array, options: { defaultEncoding: string }): string;
}
