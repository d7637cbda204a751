// Goal: what a webhook says of a delivery: references, conditions, and their faults (HD1, HD2).
import { describe, expect, test } from 'vitest';
import { bindDelivery, findWebhookFaults, isWanted } from '../../src/core/webhook.ts';

const webhook = (rest: object) => ({ verify: 'github' as const, secret: 'S', ...rest });
const data = {
  body: {
    action: 'opened',
    issue: { number: 7, body: null, labels: ['bug', 'a'] },
    text: '{{body.action}} {{secrets.S}}',
  },
  headers: { 'x-github-event': 'issues' },
  query: { source: 'test' },
};

describe('HD1: params', () => {
  test('a value keeps its type; text around it makes it text; what is not there has a stand-in', () => {
    const params = {
      number: '{{body.issue.number}}',
      labels: '{{ body.issue.labels }}',
      title: 'Issue {{body.issue.number}}: {{body.issue.body ?? ""}}',
      event: '{{headers["x-github-event"]}}',
      source: '{{query.source}}',
      deep: { all: ['{{body.issue.labels[1]}}', 3] },
    };
    expect(bindDelivery(webhook({ params }), data)).toEqual({
      number: 7,
      labels: ['bug', 'a'],
      title: 'Issue 7: ',
      event: 'issues',
      source: 'test',
      deep: { all: ['a', 3] },
    });
  });

  test('values are never searched for references', () => {
    expect(bindDelivery(webhook({ params: { text: '{{body.text}}' } }), data)).toEqual({
      text: '{{body.action}} {{secrets.S}}',
    });
  });

  test('what is not there is a refusal that names each param', () => {
    const params = { a: '{{body.none}}', b: '{{headers.none}}', c: 'ok' };
    expect(() => bindDelivery(webhook({ params }), data)).toThrow(
      expect.objectContaining({
        code: 'INVALID',
        errors: [
          { path: 'webhook.params.a', message: '{{body.none}} leads nowhere: there is no "none"' },
          { path: 'webhook.params.b', message: '{{headers.none}} leads nowhere: there is no "none"' },
        ],
      }),
    );
  });

  test('names of the prototype lead nowhere', () => {
    for (const path of ['body.constructor', 'body.__proto__', 'headers.toString', 'query.hasOwnProperty']) {
      expect(() => bindDelivery(webhook({ params: { a: `{{${path}}}` } }), data)).toThrow(/does not have/);
    }
  });

  test('what is no fault of a reference is not taken for one', () => {
    const odd = {
      get x() {
        throw new Error('odd data');
      },
    };
    expect(() => bindDelivery(webhook({ params: { a: '{{body.x}}' } }), { ...data, body: odd })).toThrow('odd data');
  });

  test('without params there are none', () => {
    expect(bindDelivery(webhook({}), data)).toEqual({});
  });
});

describe('HD2: when', () => {
  test.each([
    [undefined, true],
    ['body.action == "opened"', true],
    ['headers["x-github-event"] == "issues" && body.action == "closed"', false],
    ['has(body.issue.body) && body.issue.number > 6', true],
    ['query.source in ["a", "test"]', true],
  ])('%s: %s', (when, expected) => {
    expect(isWanted(webhook(when === undefined ? {} : { when }), data)).toBe(expected);
  });

  test.each(['body.none == 1', 'body.issue.number', 'body.action', 'size(body.none) > 0'])(
    '%s is a refusal',
    (when) => {
      expect(() => isWanted(webhook({ when }), data)).toThrow(
        expect.objectContaining({ code: 'INVALID', errors: [{ path: 'webhook.when', message: expect.any(String) }] }),
      );
    },
  );
});

describe('faults before a delivery has come', () => {
  test.each([
    [{ when: 'body.action ==' }, 'webhook.when'],
    [{ when: 'headers.a == 1 && params.x' }, 'webhook.when'],
    [{ when: 'steps.a.outputs.x' }, 'webhook.when'],
    [{ when: '"text"' }, 'webhook.when'],
    [{ when: 'body.matches("(a+)+$")' }, 'webhook.when'],
    [{ params: { a: '{{params.x}}' } }, 'webhook.params.a'],
    [{ params: { a: ['{{steps.x.outputs}}'] } }, 'webhook.params.a[0]'],
    [{ params: { a: '{{body.}}' } }, 'webhook.params.a'],
    [{ params: { a: '{{secrets.S}}' } }, 'webhook.params.a'],
    [{ params: { a: '{{body.x ?? params.y}}' } }, 'webhook.params.a'],
  ])('%j', (rest, path) => {
    expect(findWebhookFaults(webhook(rest)).map((fault) => fault.path)).toEqual([path]);
  });

  test('the example of the docs has none, and text of another language stays text', () => {
    const when = 'headers["x-github-event"] == "issues" && body.action == "opened"';
    const params = { text: '{{body.issue.title}}: {{body.issue.body ?? ""}}', liquid: '{{ title }} and {{slot}}' };
    expect(findWebhookFaults(webhook({ when, params }))).toEqual([]);
  });
});
