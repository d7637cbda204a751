// Goal: what conditions come out as, and what is said when they come out as nothing. Method: tables of a text, data and
// the verdict; the conditions of whole workflows; CEL's own library as a second opinion.
import { describe, expect, it } from 'vitest';
import { type ConditionScope, cachedMax, evaluateCondition } from '../../src/core/condition.ts';

const step = (outputs: unknown, more: object = {}) => ({
  status: 'COMPLETED',
  outcome: 'ran',
  error: null,
  outputs,
  ...more,
});

const scope: ConditionScope = {
  params: {
    n: 0,
    three: 3,
    half: 0.5,
    mode: 'false',
    depth: 3,
    urls: ['a', 'b'],
    numbers: [1, 2, 3],
    mixed: [1, 'a', null, [1], { k: 1 }],
    flag: true,
    nothing: null,
    map: { a: 1, 'b-c': 2, constructor: 3 },
    long: 'x'.repeat(100),
  },
  steps: {
    judge: step({ json: { score: 0.8, label: 'bug', urgent: true } }),
    review: step({ approved: true }),
    pages: step({ count: 4, failed: 1, skipped: 0 }, { kind: 'group' }),
    loop: step({ rounds: 2, done: true }, { kind: 'repeat' }),
    plain: step({ count: 4 }),
    'my-step': step({ ok: true }),
    skipped: step({}, { outcome: 'skipped' }),
    failed: step({}, { status: 'FAILED', outcome: 'failed', error: 'HTTP 500' }),
  },
  items: { url: 'https://a.test', headers: { 'x-github-event': 'issues' }, body: { action: 'opened' } },
  index: 2,
  round: 2,
  previous: { judge: step({ json: { score: 0.1 } }), pages: step({ count: 4 }, { kind: 'group' }) },
  workflow: { id: 'w', outcome: 'failed', failed: ['judge'] },
};

const ask = (text: string, data = scope) => {
  const verdict = evaluateCondition(text, data);
  return 'value' in verdict ? verdict.value : verdict.fault;
};

describe('a condition', () => {
  it.each([
    'steps.judge.outputs.json.score >= 0.8',
    'steps.judge.outputs.json.score <= 1',
    'steps.judge.outputs.json.label == "bug" && steps.judge.outputs.json.urgent',
    'steps.review.outputs.approved',
    '!steps.review.outputs.approved == false',
    'steps["my-step"].outputs.ok',
    'headers["x-github-event"] == "issues" && body.action == "opened"',
    'steps.skipped.outcome == "skipped" && !has(steps.skipped.outputs.x)',
    'steps.failed.error == "HTTP 500" && steps.judge.error == null',
    'steps.failed.status != "COMPLETED"',
    'previous.judge.outputs.json.score < 0.5',
    'workflow.outcome == "failed" && "judge" in workflow.failed && workflow.id == "w"',
    'index == 2 && round == 2',
    'url.startsWith("https://") && url.endsWith(".test") && url.contains("a.t")',
    'params.flag ? params.n == 0 : params.n == 1',
    '!params.flag ? false : true',
    'params.nothing == null && null == params.nothing && params.n != null',
    'has(params.nothing) && !has(params.nowhere)',
    'has(params["b-c"]) || params.map["b-c"] == 2',
    'params.numbers.exists(x, x == 2) && params.numbers.all(x, x > 0) && params.numbers.exists_one(x, x > 2)',
    '!params.numbers.exists(x, x > 3) && !params.numbers.all(x, x > 1) && !params.numbers.exists_one(x, x > 1)',
    'params.map.exists(k, k == "a")',
    '"a" in params.urls && !("c" in params.urls)',
    '"a" in params.map && !("toString" in params.map) && !(1 in params.map)',
    'params.urls == ["a", "b"] && params.urls != ["a"] && params.urls != ["b", "a"]',
    'params.map == params.map && params.map != params.mixed && params.mixed[4] != params.map',
    'params.mixed[3] == [1] && params.mixed[1] == "a"',
    'params.mode + "!" == "false!" && [1] + [2] == [1, 2]',
    'true || false && false',
    '"a" < "b" && "b" > "a" && "a" <= "a" && "a" >= "a" && false < true',
    'size("a😀") == 2 && "abc".size() == 3 && params.map.size() == 3 && [1, 2].size() == 2 && size(params.long) == 100',
  ])('%s is true', (text) => {
    expect(ask(text)).toBe(true);
  });

  it.each([
    // Numbers of data are doubles, literals of whole numbers and what the engine counts are ints (CD4).
    'params.n == 0 && params.three >= 3 && 3 <= params.three && params.half < 1 && params.three == 3.0',
    'size(params.urls) == 2 && size(params.urls) > 1.5 && size(params.numbers) == params.three',
    'round + 1 >= params.depth && index - 1 < params.three',
    '2 in params.numbers && params.numbers == [1, 2, 3] && [1] == [1.0]',
    'steps.pages.outputs.failed + 1 == 2 && steps.loop.outputs.rounds * 2 == 4 && steps.pages.outputs.count % 3 == 1',
    'steps.pages.outputs.failed < steps.pages.outputs.count && steps.pages.outputs.failed > 0',
    'previous.pages.outputs.count / 3 == 1 && -7 / 2 == -3 && -7 % 3 == -1',
    'steps.plain.outputs.count + 1.0 == 5.0 && int(steps.plain.outputs.count) % 3 == 1',
    'params.half * 2.0 == 1.0 && params.half / 2.0 - 0.25 == 0.0 && -params.half < 0.0 && -index == -2',
    'params.n / params.n != params.n / params.n',
    'params.numbers[0] == 1 && params.numbers[params.n] == 1 && params.numbers[index] == 3 && params.numbers[2.0] == 3',
    'int("12") == 12 && int("+1") == 1 && int(-1.9) == -1 && int(3) == 3',
    'double("1.5e1") == 15.0 && double(2) / 4.0 == 0.5 && double(params.half) == 0.5',
    'string(1) == "1" && string(1.5) == "1.5" && string(true) == "true" && string("a") == "a"',
    '9223372036854775807 > 9223372036854775806 && params.three < 9223372036854775807',
  ])('counts rightly: %s', (text) => {
    expect(ask(text)).toBe(true);
  });

  it.each([
    ['params.mode', 'it came out as the text "false", not true or false; compare it with something'],
    ['params.n', 'it came out as the number 0, not true or false; compare it with something'],
    ['index', 'it came out as the whole number 2, not true or false; compare it with something'],
    ['params.nothing', 'it came out as null, not true or false; compare it with something'],
    ['params.urls', 'it came out as a list of 2, not true or false; compare it with something'],
    ['params.map', 'it came out as an object, not true or false; compare it with something'],
    ['params.long', `it came out as the text "${'x'.repeat(40)}…", not true or false; compare it with something`],
    ['steps.judge.outputs.score > 1', 'steps.judge.outputs has no "score"'],
    ['steps.judge.outputs.json.score.x', 'steps.judge.outputs.json.score is the number 0.8 and has no "x"'],
    ['has(params.nowhere.x)', 'params has no "nowhere"'],
    ['has(params.nothing.x)', 'params.nothing is null and has no "x"'],
    [
      'params.urls.length == 2',
      'params.urls is a list of 2 and has no "length"; how long it is, size(params.urls) says',
    ],
    [
      'params.mode.length == 2',
      'params.mode is the text "false" and has no "length"; how long it is, size(params.mode) says',
    ],
    ['params.map.length == 2', 'params.map has no "length"'],
    ['params.nothing.length == 2', 'params.nothing is null and has no "length"'],
    ['params.map.toString == "x"', 'params.map has no "toString"'],
    ['params.urls[2] == "a"', 'params.urls is a list of 2 and has no [2]'],
    ['params.numbers[0.5] == 1', 'params.numbers is a list of 3 and has no [0.5]'],
    ['params.map[params.mode] == 1', 'params.map is an object and has no [false]'],
    ['params.map[1] == 1', 'params.map is an object and has no place the whole number 1'],
    ['params.mode[0] == "f"', 'params.mode is the text "false" and has no place the whole number 0'],
    ['params.nowhere[0] == 1', 'params has no "nowhere"'],
    ['params.urls[params.nowhere] == 1', 'params has no "nowhere"'],
    ['foo == 1', 'there is no "foo" here'],
    ['!params.mode', 'params.mode is the text "false", not true or false; compare it with something'],
    ['!params.nowhere', 'params has no "nowhere"'],
    ['-params.mode == 1', 'params.mode is the text "false", and - takes a number'],
    ['params.flag && params.n', 'params.n is the number 0, not true or false; compare it with something'],
    ['params.n || false', 'params.n is the number 0, not true or false; compare it with something'],
    ['params.nowhere || false', 'params has no "nowhere"'],
    ['params.flag && params.nowhere', 'params has no "nowhere"'],
    ['params.n ? true : false', 'params.n is the number 0, not true or false; compare it with something'],
    ['params.nowhere ? true : false', 'params has no "nowhere"'],
    ['params.nowhere == 1', 'params has no "nowhere"'],
    ['1 == params.nowhere', 'params has no "nowhere"'],
    ['params.mode > 1', 'params.mode > 1 compares the text "false" with the whole number 1'],
    ['params.flag > 1', 'params.flag > 1 compares true with the whole number 1'],
    [
      '1 in params.n',
      'params.n is the number 0, and "in" looks through a list; text.contains("part") looks through a text',
    ],
    [
      'params.n + 1 == 1',
      'params.n + 1 takes the number 0 and the whole number 1; write params.n + 1.0, or int(params.n) + 1',
    ],
    [
      'round + params.n == 1.0',
      'round + params.n takes the whole number 2 and the number 0; write double(round) + params.n, or round + int(params.n)',
    ],
    [
      'size(params.urls) * params.half == 1.0',
      'size(params.urls) * params.half takes the whole number 2 and the number 0.5; write double(size(params.urls)) * params.half, or size(params.urls) * int(params.half)',
    ],
    [
      'params.n % 2.0 == 1.0',
      'params.n % 2.0 takes the number 0 and the number 2; % is for whole numbers: write int(params.n) % int(2.0)',
    ],
    ['params.mode + 1 == 1', 'params.mode + 1 takes the text "false" and the whole number 1'],
    ['params.mode - "a" == "b"', 'params.mode - "a" takes the text "false" and the text "a"'],
    ['params.urls - ["a"] == ["b"]', 'params.urls - ["a"] takes a list of 2 and a list of 1'],
    ['1 / 0 == 1', '1 / 0 divides by zero'],
    ['1 % 0 == 1', '1 % 0 divides by zero'],
    ['9223372036854775807 + 1 > 0', '9223372036854775807 + 1 is too large for a whole number'],
    ['-9223372036854775807 - 2 > 0', '-9223372036854775807 - 2 is too large for a whole number'],
    ['size(params.n) == 1', 'size(params.n) takes the number 0; size is for texts, lists and objects'],
    ['size(params.nowhere) == 1', 'params has no "nowhere"'],
    [
      'params.n.contains("a")',
      'contains(params.n, "a") takes the number 0 and the text "a"; contains is for two texts',
    ],
    [
      'params.mode.contains(params.n)',
      'contains(params.mode, params.n) takes the text "false" and the number 0; contains is for two texts',
    ],
    ['int("1x") == 1', 'int("1x") takes the text "1x", which is no whole number'],
    ['int(1e30) == 1', 'int(1e+30) takes the number 1e+30, which is no whole number'],
    ['int(-1e30) == 1', 'int(-1e+30) takes the number -1e+30, which is no whole number'],
    ['int(params.n / params.n) == 1', 'int(params.n / params.n) takes the number NaN, which is no whole number'],
    ['double("x") == 1.0', 'double("x") takes the text "x", which is no number'],
    ['double(params.urls) == 1.0', 'double(params.urls) takes a list of 2, which is no number'],
    ['string(params.urls) == "x"', 'string(params.urls) takes a list of 2, which is no text'],
    ['params.n.exists(x, x == 1)', 'params.n is the number 0, and exists looks through a list'],
    ['params.nowhere.exists(x, x == 1)', 'params has no "nowhere"'],
    ['params.numbers.exists(x, x)', 'x is the number 1, not true or false; compare it with something'],
    ['params.mixed.exists(x, x.k == 2)', 'x is the number 1 and has no "k"'],
    ['params.mixed.exists_one(x, x.k == 1)', 'x is the number 1 and has no "k"'],
    ['params.mixed.all(x, x.k == 1)', 'x is the number 1 and has no "k"'],
    ['x == 1', 'there is no "x" here'],
    ['params.numbers.exists(x, x == 1.0) && x == 1', 'there is no "x" here'],
    ['1 +', 'it cannot be read: its end is missing (unexpected token: the end)'],
  ])('%s is a fault that says what it was (CD1)', (text, message) => {
    expect(ask(text)).toBe(message);
  });

  it('is decided by a side that decides, whatever the other is', () => {
    for (const text of [
      'params.nowhere || true',
      'true || params.nowhere',
      '!(params.nowhere && false)',
      '!(false && 1 / 0 == 1)',
    ]) {
      expect(ask(text)).toBe(true);
    }
    expect(ask('params.mixed.exists(x, x.k == 1)')).toBe(true);
    expect(ask('params.mixed.all(x, x == 1)')).toBe(false);
  });

  it('has no root that its place does not have', () => {
    const bare: ConditionScope = { params: {}, steps: {}, items: {} };
    for (const root of ['index', 'round']) expect(ask(`${root} == 1`, bare)).toBe(`there is no "${root}" here`);
    expect(ask('workflow.id == "w"', bare)).toBe('there is no "workflow" here');
    expect(ask('has(previous.judge)', bare)).toBe('there is no "previous" here');
    expect(ask('has(previous.judge)', { ...bare, previous: {} })).toBe(false);
    expect(ask('previous.a.outputs.count == 1', bare)).toBe('there is no "previous" here');
    expect(ask('toString == 1', bare)).toBe('there is no "toString" here');
  });

  it('takes a count of a step that is no group for a double', () => {
    const text = 'steps.plain.outputs.count + 1 == 5';
    expect(ask(text)).toContain('write steps.plain.outputs.count + 1.0');
    expect(ask('params.map.count + 1 == 5', { ...scope, params: { map: { count: 1 } } })).toContain('1.0');
    expect(ask('body.outputs.count + 1 == 5', { ...scope, items: { body: { outputs: { count: 1 } } } })).toContain(
      '1.0',
    );
    expect(
      ask('params.pages.outputs.count + 1 == 5', { ...scope, params: { pages: { outputs: { count: 1 } } } }),
    ).toContain('1.0');
    expect(ask('params.pages.json.count + 1 == 5', { ...scope, params: { pages: { json: { count: 1 } } } })).toContain(
      '1.0',
    );
    expect(
      ask('params.pages[0].outputs.count + 1 == 5', { ...scope, params: { pages: [{ outputs: { count: 1 } }] } }),
    ).toContain('1.0');
  });

  it('throws nothing, even over what is no data', () => {
    const params = Object.defineProperty({}, 'x', {
      enumerable: true,
      get: () => {
        throw new Error('no data');
      },
    });
    expect(ask('params.x == 1', { ...scope, params })).toBe(
      'it cannot be evaluated over what is no data: Error: no data',
    );
  });

  it('gives the same verdict however often it is asked, and after others have taken its place (CD3)', () => {
    const twins = ['1', '2', '3'].map((n) => ask(`params.mode == "${'x'.repeat(60)}" || params.three == ${n}`));
    expect(twins).toEqual([false, false, true]);
    const before = ask('params.three == 3');
    for (let i = 0; i <= cachedMax; i += 1) ask(`params.three == ${i}`);
    expect(ask('params.three == 3')).toBe(before);
    expect(ask('params.three == 3', { ...scope, params: { three: 4 } })).toBe(false);
  });
});
