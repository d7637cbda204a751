// Goal: what is wrong with a condition is told before there is data, in words that say the way out. Method: tables of a
// text and the faults.
import { describe, expect, it } from 'vitest';
import { type ConditionNames, checkCondition, conditionUses } from '../../src/core/condition.ts';

const names: ConditionNames = {
  params: ['topic', 'n', 'depth', 'urls'],
  steps: new Map([
    ['judge', 'plain'],
    ['pages', 'group'],
    ['loop', 'repeat'],
    ['my-step', 'plain'],
    ['a.b', 'plain'],
  ]),
  known: new Set(['judge', 'pages', 'loop', 'my-step', 'a.b', 'later', 'judge.x']),
  items: ['url', 'headers', 'body'],
  roots: ['index', 'round', 'previous', 'workflow'],
  previous: ['judge', 'write', 'pages'],
};
const bare: ConditionNames = { params: [], steps: new Map(), known: new Set(['a', 'b']), items: [], roots: [] };

describe('the check', () => {
  it.each([
    'steps.judge.outputs.json.score >= 0.8',
    'steps.judge.outputs.approved',
    'steps["my-step"].outputs.ok && steps["a.b"].status == "COMPLETED"',
    'steps.judge.outcome == "ran" || steps.judge.error == null || "skipped" != steps.judge.outcome',
    'steps.judge.outcome.startsWith("r") && size(steps.judge.status) > 1 && steps.judge.error.contains("HTTP")',
    'steps.pages.outputs.failed + 1 < steps.pages.outputs.count && steps.pages.outputs.skipped % 2 == 0',
    'steps.loop.outputs.done && steps.loop.outputs.rounds > 1 && steps.loop.outputs.last.write.ok',
    'round + 1 >= params.depth && index >= 0',
    'size(steps.judge.outputs.next) == 0 || size(steps.judge.outputs) > 0',
    'has(previous.judge) && previous.write.outputs.x == 1 && previous.pages.outputs.count + 1 == 2',
    'previous.write.outputs.count + 1 == 2 && previous.write.outputs.items[0].x == 1',
    'workflow.outcome == "failed" && size(workflow.failed) > 0 && workflow.failed[0] == "a" && workflow.id != "x"',
    'headers["x-github-event"] == "issues" && body.action == "opened" && url.x.y == 1',
    'params.urls.exists(x, x.k == 1) && [1, 2].all(y, y + 1 > 1) && steps.judge.outputs.exists(k, k == "a")',
    'params.urls[0] == "a" && params.urls[index].x == 1 && [1][0] == 1 && params.urls[0].x == 1',
    'params.n + 1.0 > 2 && params.n - params.depth > 0 && int(params.n) + 1 > 2 && -params.n < -1 && -index < 0',
    'params.topic + "x" == "yx" && params.urls + [1] == [2] && params.n * 2.0 / 3.0 > 1 && params.n + params.depth > 1.0 && [1] + [2] == [1]',
    'params.n > 1.0 ? params.topic == "a" : true',
    '(params.n > 1.0 ? 1 : 2) == 2 && (params.n > 1.0 ? 1 : "x") == 2 && !(params.n > 1.0 ? true : params.topic)',
    'string(params.n) == "1" && string(true) == "true" && double(params.topic) > 1.0 && int("1") == 1',
    '"a" in params.urls && "k" in steps.judge.outputs && 1 in [1, 2] && null in params.urls',
    'params.topic == null && null != "x" && true == false && true > false && "a" < "b"',
    'params.topic',
    'url',
    'true',
  ])('finds nothing wrong with %s', (text) => {
    expect(checkCondition(text, names)).toEqual([]);
  });

  it.each([
    ['params.topik == 1', 'the workflow has no param "topik"; did you mean "topic"?'],
    ['params.missing == 1', 'the workflow has no param "missing"; it has topic, n, depth, urls'],
    ['steps.jugde.status == "FAILED"', 'there is no step "jugde"; did you mean "judge"?'],
    [
      'steps.zzzzzz.status == "FAILED"',
      'there is no step "zzzzzz"; the steps are judge, pages, loop, my-step, a.b, later, judge.x',
    ],
    ['steps.later.outputs.x == 1', 'step "later" is not upstream, so it may not have ended; name it in "dependencies"'],
    ['steps.my-step.outputs.ok', 'an id with a hyphen is read as a subtraction: write steps["my-step"]'],
    ['steps.a.b.outputs.ok', 'there is no step "a"; an id with a dot is written steps["a.b"]'],
    ['steps.judge.x.outputs.ok', 'steps.judge has no "x"; an id with a dot is written steps["judge.x"]'],
    ['steps.judge.output.ok', 'steps.judge has no "output"; did you mean "outputs"?'],
    [
      'steps.judge.score == 1',
      'steps.judge has no "score"; a step has status, outcome, error, outputs, and its results are in steps.judge.outputs',
    ],
    [
      'steps["my-step"].score == 1',
      'steps["my-step"] has no "score"; a step has status, outcome, error, outputs, and its results are in steps["my-step"].outputs',
    ],
    ['steps.judge == 1', 'name what you mean of steps.judge: status, outcome, error, outputs'],
    ['has(steps.judge)', 'name what you mean of steps.judge: status, outcome, error, outputs'],
    ['steps.judge.status.x == 1', 'steps.judge.status is a text and has no "x"'],
    [
      'steps.pages.outputs.items[0] == 1',
      'steps.pages.outputs.items is not for conditions; ask for count, failed, skipped, or use a transform step',
    ],
    [
      'size(steps.pages.outputs.errors) > 0',
      'steps.pages.outputs.errors is not for conditions; ask for count, failed, skipped, or use a transform step',
    ],
    ['steps.pages.outputs.fialed > 0', 'steps.pages.outputs has no "fialed"; did you mean "failed"?'],
    ['steps.loop.outputs.items == 1', 'steps.loop.outputs has no "items"; it has rounds, done, last'],
    ['steps.pages.outputs.count.x == 1', 'steps.pages.outputs.count is a whole number and has no "x"'],
    [
      'steps.pages.outputs.count',
      'it is a whole number, not true or false; compare it with something, as in steps.pages.outputs.count > 0',
    ],
    [
      'steps.judge.outcome',
      'it is a text, not true or false; compare it with something, as in steps.judge.outcome == "x"',
    ],
    [
      'steps.judge.outputs',
      'it is an object, not true or false; compare it with something, as in size(steps.judge.outputs) > 0',
    ],
    ['[1]', 'it is a list, not true or false; compare it with something, as in size([1]) > 0'],
    ['null', 'it is null, not true or false; compare it with something, as in null > 0'],
    ['params.n + 1.5', 'it is a number, not true or false; compare it with something, as in params.n + 1.5 > 0'],
    [
      'steps.judge.outcome == "succeeded"',
      '"succeeded" is no outcome; there are ran, skipped, tolerated, failed, stopped',
    ],
    ['"completed" == steps.judge.status', '"completed" is no status; did you mean "COMPLETED"?'],
    [
      'steps.judge.outcome == 1',
      'steps.judge.outcome == 1 compares a text with a whole number; convert one, as in int(…), double(…) or string(…)',
    ],
    [
      'foo == 1',
      'there is no "foo"; known here are params, steps, index, round, previous, workflow, url, headers, body, and a text stands in quotes: "foo"',
    ],
    [
      'params.urls.all(x, x == 1.0) && x.k == 1',
      'there is no "x"; known here are params, steps, index, round, previous, workflow, url, headers, body, and a text stands in quotes: "x"',
    ],
    ['bodi.x == 1', 'there is no "bodi"; did you mean "body"?'],
    ['previous.jugde.outputs.x == 1', 'a round has no step "jugde"; did you mean "judge"?'],
    ['previous.zzz.outputs.x == 1', 'a round has no step "zzz"; it has judge, write, pages'],
    ['workflow.name == "x"', 'workflow has no "name"; it has id, outcome, failed'],
    ['workflow.id.x == 1', 'workflow.id is a text and has no "x"'],
    ['index.x == 1', 'index is a whole number and has no "x"'],
    ['index[0] == 1', 'index is a whole number and has no [0]'],
    ['"x" > 1', '"x" > 1 compares a text with a whole number; convert one, as in int(…), double(…) or string(…)'],
    ['1 == "1"', '1 == "1" compares a whole number with a text; convert one, as in int(…), double(…) or string(…)'],
    ['params.n < null', 'params.n < null compares data with null, and < is for numbers and texts'],
    ['[1] > params.n', '[1] > params.n compares a list with data, and > is for numbers and texts'],
    ['"a" in "abc"', '"abc" is a text, and "in" looks through a list; write "abc".contains("a")'],
    ['1 in index', 'index is a whole number, and "in" looks through a list'],
    [
      'params.n + 1 > 2',
      'params.n + 1 mixes whole numbers with numbers of params or outputs, which are doubles; write params.n + 1.0, or int(params.n) + 1',
    ],
    [
      '2 * url > 2',
      '2 * url mixes whole numbers with numbers of params or outputs, which are doubles; write 2.0 * url, or 2 * int(url)',
    ],
    [
      'params.urls.all(x, x - 1 > 2)',
      'x - 1 mixes whole numbers with numbers of params or outputs, which are doubles; write x - 1.0, or int(x) - 1',
    ],
    [
      'params.n - size(params.urls) > 2',
      'params.n - size(params.urls) mixes whole numbers with numbers of params or outputs, which are doubles; write params.n - double(size(params.urls)), or int(params.n) - size(params.urls)',
    ],
    [
      'params.n % params.depth == 0.0',
      'params.n % params.depth mixes whole numbers with numbers of params or outputs, which are doubles; % is for whole numbers: write int(params.n) % int(params.depth)',
    ],
    ['true + 1 == 2', 'true + 1 takes true or false and a whole number'],
    ['"a" - params.topic == "b"', '"a" - params.topic takes a text and data'],
    ['!index', 'index is a whole number, not true or false; compare it with something'],
    ['params.topic && "x"', '"x" is a text, not true or false; compare it with something'],
    [
      'params.n == 1.0 && steps.judge.outputs',
      'steps.judge.outputs is an object, not true or false; compare it with something',
    ],
    ['1 ? true : false', '1 is a whole number, not true or false; compare it with something'],
    ['-"x" == 1', '"x" is a text, and - takes a number'],
    ['size(index) == 1', 'size(index) takes a whole number, which size is not for'],
    ['int([1]) == 1', 'int([1]) takes a list, which int is not for'],
    ['double(true) == 1.0', 'double(true) takes true or false, which double is not for'],
    ['string(null) == "null"', 'string(null) takes null, which string is not for'],
    ['string(steps.judge.outputs) == "x"', 'string(steps.judge.outputs) takes an object, which string is not for'],
    ['params.topic.contains(1)', 'contains(params.topic, 1) takes data and a whole number, which contains is not for'],
    ['index.exists(x, x == 1)', 'index is a whole number, and exists looks through a list'],
    ['params.urls.exists(url, url == "x")', '"url" is a name of forEach; give the element of exists another name'],
    ['params.urls.exists(x, x + "y")', 'x + "y" is a text, not true or false; compare it with something'],
  ])('%s', (text, fault) => {
    expect(checkCondition(text, names)).toEqual([fault]);
  });

  it.each([
    ['index == 1', 'index is known within forEach alone'],
    ['round == 1', 'round is known within repeat alone'],
    ['has(previous.a)', 'previous is known within repeat alone'],
    ['workflow.outcome == "x"', 'workflow is known in finally alone'],
    ['params.x == 1', 'the workflow has no param "x"; it has none'],
    ['steps.a.outputs.x == 1', 'step "a" is not upstream, so it may not have ended; name it in "dependencies"'],
    ['toString == 1', 'there is no "toString"; known here are params, steps, and a text stands in quotes: "toString"'],
  ])('knows where a name means something: %s', (text, fault) => {
    expect(checkCondition(text, bare)).toEqual([fault]);
  });

  it('takes any param where params are not known, and no round for one without steps', () => {
    expect(checkCondition('params.x == 1', { ...bare, params: null })).toEqual([]);
    expect(checkCondition('has(previous.a)', { ...bare, roots: ['previous'] })).toEqual([
      'a round has no step "a"; it has ',
    ]);
  });

  it('tells each fault once, and ten at most', () => {
    expect(checkCondition('params.x == params.x || params.y == 1.0', names)).toHaveLength(2);
    const many = Array.from({ length: 15 }, (_, i) => `x${i} == 1`).join(' || ');
    expect(checkCondition(many, names)).toHaveLength(10);
  });
});

describe('the text', () => {
  const allowed = 'size, int, double, string, has, startsWith, endsWith, contains, exists, all, exists_one';
  it.each([
    ['', 'it is empty; write what must be true, or leave it out'],
    ['  ', 'it is empty; write what must be true, or leave it out'],
    ['{{params.n}} > 1', 'a condition has no double braces: write params.topic, not {{params.topic}}'],
    ['params.n === 1', 'to compare, write == or !='],
    ['params.n = 1', 'one = compares nothing: write =='],
    ['true & false', 'one & joins nothing: write &&'],
    ['true | false', 'one | joins nothing: write ||'],
    [
      'params.n ?? 1',
      'there is no ?? in a condition: ask has(…) first, as in has(params.topic) && params.topic == "x"',
    ],
    ['params?.n == 1', 'there is no ?. in a condition: ask has(…) first'],
    ['params.topic == "or" and true', 'to join two conditions, write && instead of "and"'],
    ["params.topic == 'and' or true", 'to join two conditions, write || instead of "or"'],
    ['not true', 'for the opposite, write ! instead of "not"'],
    [
      'params.in == 1',
      'after a dot comes a name; other keys, and words such as "in" and "true", stand in brackets: outputs["in"]',
    ],
    ['for == 1', '"for" is a word of CEL; rename it'],
    ['1 +', 'it cannot be read: its end is missing (unexpected token: the end)'],
    ['(params.n', 'it cannot be read: its end is missing (expected ")", got the end)'],
    ['size(1))', "it cannot be read: see character 8 (unexpected character: ')')"],
    ['1 && && 2', 'it cannot be read: see character 6 (unexpected token: and)'],
    ['"abc', 'it cannot be read: see character 1 (unterminated string)'],
    ['params.urls.matches("a")', `matches() is not for conditions; they have ${allowed}; use a transform step`],
    ['params.urls.map(x, x)', `map() is not for conditions; they have ${allowed}; use a transform step`],
    ['params.urls.filter(x, x)', `filter() is not for conditions; they have ${allowed}; use a transform step`],
    ['cel.bind(x, 1, x == 1)', `bind() is not for conditions; they have ${allowed}; use a transform step`],
    ['params.topic.startswith("a")', 'startswith() is not for conditions; did you mean "startsWith"?'],
    ['startsWith(params.topic, "a")', 'startsWith is written text.startsWith("part")'],
    ['params.n.int() == 1', 'int is written int(value)'],
    ['exists(params.urls)', 'exists is written list.exists(x, x > 1.0)'],
    ['size(1, 2) == 1', 'size is written size(value)'],
    ['params.topic.contains("a", "b")', 'contains is written text.contains("part")'],
    ['params.urls.exists(x)', 'exists is written list.exists(x, x > 1.0)'],
    [
      'params.urls.exists(1, true)',
      'exists, all and exists_one begin with a name for the element, as in list.exists(x, x > 1.0)',
    ],
    ['params.urls.exists(1, 2, 3)', 'exists is written list.exists(x, x > 1.0)'],
    ['params.urls.exists(x, y, 3)', 'exists is written list.exists(x, x > 1.0)'],
    [
      'params.urls.all(x, params.urls.exists(y, x == y))',
      'exists within all is not for conditions; use a transform step',
    ],
    ['params.urls.all(steps, true)', '"steps" has a meaning of its own; give the element of all another name'],
    ['has(params)', 'has is written has(params.topic)'],
    ['has(1 + 1)', 'has is written has(params.topic)'],
    ['has(params.urls[0])', 'has is written has(params.topic); how long a list is, size(list) says'],
    ['"a" in params', 'name what you mean of params, as in params.topic; whether it is there, has(…) says'],
    [
      'size(previous) == 0',
      'name what you mean of previous, as in previous.draft.outputs; whether it is there, has(…) says',
    ],
    ['steps[url].outputs.x', 'steps[…] takes a name in quotes, as in steps["draft"]'],
    ['{"a": 1}.a == 1', 'objects in braces are not for conditions; compare their fields one by one'],
    ['b"a" == "a"', 'bytes and numbers with u are not for conditions; write a text or a number'],
    ['1u == 1', 'bytes and numbers with u are not for conditions; write a text or a number'],
    ['9223372036854775808 > 1', '9223372036854775808 is too large for a whole number; write it with .0'],
    [`"${'x'.repeat(1_000)}" == "y"`, 'it has 1009 characters, at most 1000 are allowed; use a transform step'],
    [`${'!'.repeat(200)}true`, 'it has more than 200 parts; use a transform step'],
    [`${'('.repeat(16)}true${')'.repeat(16)}`, 'it is nested deeper than 16; use a transform step'],
  ])('%s', (text, fault) => {
    expect(checkCondition(text, names)).toEqual([fault]);
    expect(conditionUses(text)).toEqual({ steps: [], outputPaths: [], roots: [], params: [] });
  });

  it('may be as large as the bounds say', () => {
    expect(checkCondition(`${'!'.repeat(199)}true`, names)).toEqual([]);
    expect(checkCondition(`${'('.repeat(15)}true${')'.repeat(15)}`, names)).toEqual([]);
    expect(checkCondition(`"${'x'.repeat(991)}" == "y"`, names)).toEqual([]);
  });

  it('is shown in a message up to 80 characters', () => {
    const [fault] = checkCondition(`params.topic == "${'x'.repeat(100)}" && ("a" + "b" == 1 || !(-index))`, names);
    expect(fault).toBe(
      '("a" + "b") == 1 compares a text with a whole number; convert one, as in int(…), double(…) or string(…)',
    );
    const [long] = checkCondition(`!size("${'x'.repeat(100)}")`, names);
    expect(long).toBe(`size("${'x'.repeat(74)}… is a whole number, not true or false; compare it with something`);
  });

  it.each([
    '!(true && false) ? [1, -index, 1.0, null] : "x"',
    'has(params.topic) ? 1 : 2',
    '-(index + 1)',
    'params.urls.exists(x, x == 1.5) ? 1 : (true ? 2 : 3)',
    'steps["my-step"].outputs.a["b c"][0] ? 1 : 2',
  ])('is shown as it was written: %s', (text) => {
    const [fault] = checkCondition(`!([${text}])`, names);
    expect(fault).toBe(`[${text}] is a list, not true or false; compare it with something`);
  });
});

describe('what a condition reads', () => {
  it('is told by steps, paths of outputs and names', () => {
    const text =
      'steps.a.outputs.json.score > 1 && size(steps.b.outputs.list) > 0 && has(steps["my-step"].outputs.x) && steps.c.outcome == "ran"' +
      ' && previous.d.outputs.x && params.n > 1 && index == 1 && url == "x" && steps.a.outputs == steps.a.outputs.items[0].y';
    expect(conditionUses(text)).toEqual({
      steps: ['a', 'b', 'my-step', 'c'],
      outputPaths: [
        { root: 'steps', step: 'a', path: ['json', 'score'], use: 'value' },
        { root: 'steps', step: 'b', path: ['list'], use: 'size' },
        { root: 'steps', step: 'my-step', path: ['x'], use: 'has' },
        { root: 'previous', step: 'd', path: ['x'], use: 'value' },
        { root: 'steps', step: 'a', path: [], use: 'value' },
        { root: 'steps', step: 'a', path: ['items'], use: 'value' },
      ],
      roots: ['previous', 'index', 'url'],
      params: ['n'],
    });
  });

  it('are not the elements that a macro names', () => {
    expect(conditionUses('steps.a.outputs.list.exists(x, x.k == y && x == 1)')).toEqual({
      steps: ['a'],
      outputPaths: [{ root: 'steps', step: 'a', path: ['list'], use: 'value' }],
      roots: ['y'],
      params: [],
    });
    expect(conditionUses('x.exists(x, x == 1)').roots).toEqual(['x']);
  });

  it.each([
    '(steps.a.outputs.x ? 1 : 2) == -index',
    '!steps.a.outputs.x',
    '[steps.a.outputs.x] == [1]',
    'int(steps.a.outputs.x) == 1',
    'params.l[steps.a.outputs.x] == 1',
    '-steps.a.outputs.x == 1.0',
  ])('is found wherever it stands: %s', (text) => {
    expect(conditionUses(text).outputPaths).toEqual([{ root: 'steps', step: 'a', path: ['x'], use: 'value' }]);
  });
});
