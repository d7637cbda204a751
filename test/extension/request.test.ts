/** Goal: a capture becomes the call that its target takes, and what is too large is said before it is sent. */
import { describe, expect, it, vi } from 'vitest';
import { readAddress, toPattern } from '../../extension/address.ts';
import { toWellFormed } from '../../extension/capture.ts';
import { EngineCalls, toOutcome } from '../../extension/engine.ts';
import { bodyBytesMax, tooLarge, toRequest } from '../../extension/request.ts';
import { type Target, toPageTemplate } from '../../extension/target.ts';
import { externalDataRequestSchema } from '../../src/contract/definition.ts';
import { limits } from '../../src/contract/limits.ts';
import { Problem } from '../../web/wire/problem.ts';
import { sketchCapture } from './memory-store.ts';

const step: Target = { kind: 'step', workflowId: 'w', stepId: 'capture', name: 'Capture' };
const template = (parts: Record<string, string>): Target => ({
  ...{ kind: 'template', templateId: 'digest', name: 'Digest' },
  parts,
});

describe('the call for a step', () => {
  it('is external data by the id of the step, as the contract has it', () => {
    const { path, body } = toRequest(sketchCapture(), step);
    expect(path).toBe('/api/workflows/w/external-data');
    const data = JSON.parse(body) as object;
    expect(data).toEqual({
      step_id: 'capture',
      content: '<p>Tea</p>',
      content_type: 'html',
      source_url: 'https://site.example/tea',
      metadata: { captured: 'page', title: 'On tea', lang: 'en', captured_at: '2026-11-30T12:00:00.000Z' },
    });
    expect(externalDataRequestSchema.safeParse(data).success).toBe(true);
  });

  it.each([
    ['file:///home/a/page.html', undefined],
    [`https://site.example/${'a'.repeat(8_171)}`, `https://site.example/${'a'.repeat(8_171)}`],
    [`https://site.example/tea?${'a'.repeat(8_200)}`, 'https://site.example/tea'],
    [`https://site.example/${'a'.repeat(8_200)}`, 'https://site.example'],
  ])('names an address that the engine takes: %.40s', (url, expected) => {
    const { body } = toRequest(sketchCapture({ url }), step);
    const data = JSON.parse(body) as { source_url?: string };
    expect(data.source_url).toBe(expected);
    expect(externalDataRequestSchema.safeParse(data).success).toBe(true);
  });
});

describe('the call for a template', () => {
  it('fills the params that the template names, and no other', () => {
    const parts = { html: 'page', text: 'words', url: 'address', title: 'heading', lang: 'language' };
    const { path, body } = toRequest(sketchCapture(), template(parts));
    expect(path).toBe('/api/workflows/from-template');
    expect(JSON.parse(body)).toEqual({
      template_id: 'digest',
      params: {
        ...{ page: '<p>Tea</p>', words: 'Tea', address: 'https://site.example/tea', heading: 'On tea' },
        language: 'en',
      },
    });
    expect(JSON.parse(toRequest(sketchCapture(), template({ html: 'page' })).body)).toEqual({
      template_id: 'digest',
      params: { page: '<p>Tea</p>' },
    });
  });

  it('leaves out what the page does not say', () => {
    const capture = sketchCapture({ lang: '', title: '', url: 'file:///tmp/a' });
    const { body } = toRequest(capture, template({ html: 'a', lang: 'b', title: 'c', url: 'd' }));
    expect((JSON.parse(body) as { params: object }).params).toEqual({ a: '<p>Tea</p>' });
  });

  it('is offered for templates with accepts, with what else they ask for', () => {
    const listed = { id: 'digest', name: 'Digest', params: { required: ['html', 'topic'] } };
    expect(toPageTemplate(listed)).toBe(null);
    expect(toPageTemplate({ ...listed, accepts: { page: { html: 'html' } } })).toMatchObject({ missing: ['topic'] });
    expect(toPageTemplate({ id: 'a', name: 'A', accepts: { page: { html: 'html' } } })).toMatchObject({ missing: [] });
  });
});

describe('what is too large', () => {
  it('is measured by what the engine reads', () => {
    expect(bodyBytesMax).toBe(limits.creatingBodyBytesMax);
  });

  it('is refused one byte above the bound, and said in words', () => {
    const around = new TextEncoder().encode(toRequest(sketchCapture({ html: '' }), step).body).length;
    // Three bytes a character, so that characters and bytes are told apart.
    const room = bodyBytesMax - around;
    const html = '茶'.repeat(Math.floor(room / 3)) + 'x'.repeat(room % 3);
    const at = (more: string) => {
      const capture = sketchCapture({ html: html + more });
      return tooLarge(capture, toRequest(capture, step));
    };
    expect(at('')).toBe(null);
    expect(at('x')).toBe('This is 8.01 MiB, and the engine takes 8 MiB at once. Capture the article or a selection.');
    const selection = sketchCapture({ kind: 'selection', html: `${html}x` });
    expect(tooLarge(selection, toRequest(selection, step))).toContain('Select less of it.');
  });
});

it('half a pair of surrogates becomes the mark of a lost character', () => {
  expect(toWellFormed('a\ud83d b\ude00 \ud83d\ude00 \ud83d\ud83d\ude00')).toBe('a\ufffd b\ufffd 😀 \ufffd😀');
});

describe('an address', () => {
  it.each([
    ['127.0.0.1:8000', 'http://127.0.0.1:8000'],
    [' http://localhost:8001/ ', 'http://localhost:8001'],
    ['https://engine.example', 'https://engine.example'],
    ['[::1]:8000', 'http://[::1]:8000'],
    ['http://a:b@127.0.0.1:8000', null],
    ['http://127.0.0.1:8000/api', null],
    ['http://127.0.0.1:8000/?a', null],
    ['ftp://127.0.0.1', null],
    ['javascript://127.0.0.1', null],
    ['', null],
  ])('%s is %s', (typed, origin) => {
    expect(readAddress(typed)).toBe(origin);
  });

  it('is asked for with its port where patterns have ports', () => {
    expect(toPattern('http://127.0.0.1:8001', true)).toBe('http://127.0.0.1:8001/*');
    expect(toPattern('http://127.0.0.1:8001', false)).toBe('http://127.0.0.1/*');
  });
});

describe('what an answer means for a capture', () => {
  const outcome = (status: number, detail = 'no', code = '') => toOutcome(new Problem({ status, code, detail })).kind;

  it.each([
    [0, 'away'],
    [408, 'away'],
    [429, 'away'],
    [500, 'away'],
    [503, 'away'],
    [507, 'away'],
    [401, 'unpaired'],
    [400, 'refused'],
    [404, 'refused'],
    [409, 'refused'],
    [413, 'refused'],
    [422, 'refused'],
  ])('%s: %s', (status, expected) => {
    expect(outcome(status)).toBe(expected);
  });

  it('tells an origin that is not paired from a call that is out of scope', () => {
    const origin = 'Origin "chrome-extension://abc" may not call this engine: name it in ALLOWED_ORIGINS';
    expect(outcome(403, origin, 'FORBIDDEN')).toBe('unpaired');
    expect(outcome(403, 'This call needs a token of scope full', 'FORBIDDEN')).toBe('refused');
  });

  it('sends token and key in headers, follows no redirect, and sends no cookie', async () => {
    const asked: [string, RequestInit][] = [];
    const fetcher = async (url: unknown, init: unknown) => {
      asked.push([String(url), init as RequestInit]);
      return new Response('{"workflow_id":"w"}', { status: 201 });
    };
    const calls = new EngineCalls({ address: 'http://127.0.0.1:8000', token: 'secret' }, fetcher as typeof fetch);
    expect(await calls.send(toRequest(sketchCapture(), step), 'key')).toEqual({ kind: 'sent', workflowId: 'w' });
    const [url, init] = asked[0]!;
    expect(url).toBe('http://127.0.0.1:8000/api/workflows/w/external-data');
    expect(init).toMatchObject({ method: 'POST', redirect: 'error', credentials: 'omit', cache: 'no-store' });
    expect(init.headers).toEqual({
      ...{ 'Content-Type': 'application/json', 'Idempotency-Key': 'key' },
      Authorization: 'Bearer secret',
    });
  });

  it('gives an answer a minute, and names the workflow that has the data before one of another name', async () => {
    const times = vi.spyOn(AbortSignal, 'timeout');
    const answers = ['{"workflow_id":"w","id":"step"}', '{"id":"made"}', '{}'];
    const fetcher = async () => new Response(answers.shift(), { status: 201 });
    const calls = new EngineCalls({ address: 'http://127.0.0.1:8000', token: null }, fetcher);
    const sent = [];
    for (let n = 0; n < 3; n += 1) sent.push(await calls.send(toRequest(sketchCapture(), step), 'key'));
    expect(sent.map((outcome) => outcome.kind === 'sent' && outcome.workflowId)).toEqual(['w', 'made', '']);
    expect(times.mock.calls).toEqual([[60_000], [60_000], [60_000]]);
    times.mockRestore();
  });

  it('takes what is no JSON for no engine', async () => {
    const fetcher = async () => new Response('<html>', { status: 200 });
    const calls = new EngineCalls({ address: 'http://127.0.0.1:8000', token: null }, fetcher);
    await expect(calls.waiting()).rejects.toThrow('is no engine');
    expect(await calls.send(toRequest(sketchCapture(), step), 'key')).toMatchObject({ kind: 'away' });
  });
});
