// Goal: what is wrong with the `webhook` and `accepts` of a template is told with its place; the page about them is right.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readTemplateText } from '../../src/templates/template-file.ts';

const params = { type: 'object', required: ['text'], properties: { text: {}, url: {}, size: { default: 1 } } };
const steps = [{ id: 'a', action: 'noop' }];
const faultsOf = (rest: object) => {
  const read = readTemplateText(JSON.stringify({ id: 't', name: 'T', params, steps, ...rest }));
  return read.kind === 'faulty'
    ? read.faults.map(({ path, message, position }) => [path, message, position?.line])
    : [];
};
const webhook = (more: object) => ({ webhook: { verify: 'github', secret: 'S', params: { text: 'x' }, ...more } });

test.each([
  [webhook({}), []],
  [webhook({ params: {} }), ['webhook.params']],
  [webhook({ params: { text: 'x', txet: 'y' } }), ['webhook.params.txet']],
  [webhook({ params: { text: '{{params.x}}' } }), ['webhook.params.text']],
  [webhook({ when: 'body.a ==' }), ['webhook.when']],
  [webhook({ verify: 'md5' }), ['webhook.verify']],
  [webhook({ secret: 'lower' }), ['webhook.secret']],
  [webhook({ secret: undefined }), ['webhook.secret']],
  [webhook({ path: '/x' }), ['webhook.path']],
  [{ accepts: { page: { text: 'text', url: 'url' } } }, []],
  [{ accepts: { page: { html: 'page' } } }, ['accepts.page.html']],
  [{ accepts: { page: {} } }, ['accepts.page']],
  [{ accepts: { page: { body: 'text' } } }, ['accepts.page.body']],
])('%j: %j', (rest, paths) => {
  const faults = faultsOf(rest);
  expect(faults.map(([path]) => path)).toEqual(paths);
  for (const [, , line] of faults) expect(line).toBe(1);
});

test('the templates of docs/webhooks.md and of the example have none', () => {
  const page = readFileSync('docs/webhooks.md', 'utf8');
  const [, written = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  const example = readFileSync('workflows/examples/07-webhook-triage.yaml', 'utf8');
  for (const text of [written, example]) expect(readTemplateText(text).kind).toBe('template');
});
