/** A page as one finds them: an article of several hundred kilobytes amid menus, adverts, scripts and comments. */
const subjects = [
  ['tea', 'The tea of the northern gardens is picked by hand before the rain comes.'],
  ['soil', 'Soil that holds water without drowning the roots decides about the harvest.'],
  ['kettle', 'A kettle of thin steel boils water faster than one of clay, and cools faster too.'],
  ['auction', 'At the auction in the old harbour, buyers taste a hundred cups before noon.'],
  ['ceramics', 'Ceramics from the village kiln keep their warmth through a long conversation.'],
  ['monsoon', 'When the monsoon is late, the second harvest loses its sweetness and its price.'],
] as const;
const fillers = [
  'Most records of that year were lost, but the letters of one merchant survive.',
  'Visitors often ask why nobody wrote any of this down before.',
  'The answer is simple: those who knew it had no time to write.',
  'Prices rose by a third within two seasons and never fell again.',
];

export interface LongPage {
  html: string;
  chapters: number;
}

/** Deterministic; about 400 kB with the 48 chapters of the default. */
export function createLongPage({ chapters = 48, paragraphs = 24 } = {}): LongPage {
  const article: string[] = [];
  for (let chapter = 0; chapter < chapters; chapter += 1) {
    const [subject, sentence] = subjects[chapter % subjects.length] ?? subjects[0];
    article.push(`<h2>Chapter ${chapter + 1}: ${subject}</h2>`);
    for (let paragraph = 0; paragraph < paragraphs; paragraph += 1) {
      const filler = fillers[(chapter + paragraph) % fillers.length] ?? '';
      article.push(
        `<p class="c${paragraph}">${sentence} ${filler} In garden number ${chapter * paragraphs + paragraph} a ` +
          `<a href="/gardens/${paragraph}" rel="x">farmer</a> &amp; her neighbours saw it <em>again</em>.</p>`,
      );
      if (paragraph % 8 === 7) article.push('<aside class="advert"><script>track("cookie banner");</script></aside>');
    }
  }
  const menu = Array.from({ length: 200 }, (_, i) => `<li><a href="/m/${i}">Menu ${i}</a></li>`).join('');
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>The tea atlas</title>
<style>${'.x{color:red}'.repeat(500)}</style><script>${'var secretWord = "zzcookiezz";'.repeat(200)}</script></head>
<body><nav><ul>${menu}</ul></nav><main><article><h1>The tea atlas</h1>${article.join('\n')}</article></main>
<footer>Imprint</footer></body></html>`;
  return { html, chapters };
}
