/**
 * `html_links`: where a page leads to. The page is read by the rules of HTML5, as `html_extract` reads it.
 *
 *   HL1  a link is an `<a>` or `<area>` whose address is http or https; it is absolute and has no fragment;
 *   HL2  each address comes once, in the order of the page, with the text of its first link that has one;
 *   HL3  a link to a part of the page itself (`#part`) is none;
 *   HL4  the same site is the page's own host, `www.` and the scheme aside: not its subdomains, and no other port;
 *   HL5  the work is linear in the page: no address has more than `addressLengthMax` characters.
 */
import { z } from 'zod';
import { limits } from '../contract/limits.ts';
import { type IsolatedTask, TaskFailure } from '../contract/task.ts';
import { resolveBase, toWebAddress } from './page/addresses.ts';
import { type Anchor, readAnchors } from './page/anchors.ts';
import { parseTree } from './page/tree.ts';

const htmlLengthMax = 8 * 1024 * 1024;

/** Every relative link takes over what its base has: longer ones would make the output grow with the square. */
const addressLengthMax = 8_192;

const params = z.strictObject({
  html: z.string().max(htmlLengthMax).meta({ description: 'The page, at most 8 Mi characters.' }),
  url: z
    .url({ protocol: /^https?$/ })
    .max(addressLengthMax)
    .meta({ description: 'Where the page is from. Relative links count from it, or from the <base> of the page.' }),
  sameSite: z.boolean().default(false).meta({
    description:
      'true: only links to the host of `url`, with or without "www.", by http or https; a subdomain is another site. false when not given.',
  }),
});

interface Link {
  url: string;
  text: string;
  rel: string[];
}

export const htmlLinks: IsolatedTask<z.infer<typeof params>> = {
  action: 'html_links',
  lane: 'cpu',
  isolated: true,
  description:
    'Lists the links of an HTML page: absolute http and https addresses without fragment, each once, in the order of the page, with text and rel. Loads nothing from the network.',
  params,
  timeoutMs: 60_000,
  async run({ html, url, sameSite }, { log }) {
    const { anchors, base } = readAnchors(await parseTree(html));
    const own = withoutFragment(new URL(url));
    const from = resolveBase(base, url) ?? url;
    if (from.length > addressLengthMax) log('Left out all relative links: the <base> of the page is too long');
    const links = new Links();
    let tooLong = 0;
    for (const anchor of anchors) {
      const address = toWebAddress(anchor.href, from.length > addressLengthMax ? undefined : from);
      if (address === null || isPart(address, anchor, own)) continue;
      if (sameSite && toSite(address) !== toSite(own)) continue;
      const { href } = withoutFragment(address);
      if (href.length > addressLengthMax) tooLong += 1;
      else links.add(href, anchor);
    }
    if (tooLong > 0) log(`Left out ${tooLong} links whose address has more than ${addressLengthMax} characters`);
    return { outputs: { links: links.list() } };
  },
};

class Links {
  readonly #links = new Map<string, Link>();
  #length = 0;

  add(url: string, { text, rel }: Anchor): void {
    const known = this.#links.get(url);
    if (known !== undefined) {
      known.text ||= text;
      return;
    }
    this.#length += url.length;
    if (this.#length > limits.outputsBytesMax) {
      throw new TaskFailure('OUTPUT_TOO_LARGE', 'the addresses of the page take more than outputs can hold');
    }
    const names = rel.toLowerCase().split(/\s+/);
    this.#links.set(url, { url, text, rel: [...new Set(names)].filter((name) => name !== '') });
  }

  list(): Link[] {
    return [...this.#links.values()];
  }
}

function isPart(address: URL, { href }: Anchor, own: URL): boolean {
  return href.includes('#') && withoutFragment(address).href === own.href;
}

function withoutFragment(address: URL): URL {
  const whole = new URL(address);
  whole.hash = '';
  return whole;
}

/** The host with its port, where it has one of its own. */
function toSite({ host }: URL): string {
  return host.replace(/^www\./, '');
}
