/** Conditions of all forms over `params`, `steps.a`, `steps.g`, `previous.a`, `workflow`, `index`, `round` and `item`. */
import fc from 'fast-check';

const leaf = fc.constantFrom(
  ...[
    '1',
    '0',
    '-1',
    '2.5',
    '"a"',
    '""',
    'true',
    'false',
    'null',
    '[]',
    '[1, "a"]',
    '[1.0, [2]]',
    'index',
    'round',
    'item',
  ],
  ...[
    'params.n',
    'params.text',
    'params.list',
    'params.map',
    'params.flag',
    'params.none',
    'params.list[0]',
    'params.map.a',
  ],
  ...[
    'steps.a.outputs.x',
    'steps.a.outputs.list',
    'steps.a.outcome',
    'steps.g.outputs.count',
    'previous.a.outputs.x',
    'workflow.failed',
  ],
);
const operators = ['==', '!=', '<', '<=', '>', '>=', 'in', '+', '-', '*', '/', '%', '&&', '||'];
export const { condition } = fc.letrec<{ condition: string; part: string; pair: string }>((tie) => ({
  part: fc.oneof({ depthSize: 'small', withCrossShrink: true }, leaf, tie('pair'), tie('condition')),
  pair: fc.tuple(tie('part'), fc.constantFrom(...operators), tie('part')).map(([a, op, b]) => `(${a} ${op} ${b})`),
  condition: fc.oneof(
    { depthSize: 'small' },
    tie('pair'),
    tie('part').map((a) => `!(${a})`),
    tie('part').map((a) => `-(${a})`),
    fc.tuple(fc.constantFrom('size', 'int', 'double', 'string'), tie('part')).map(([name, a]) => `${name}(${a})`),
    fc
      .tuple(tie('part'), fc.constantFrom('startsWith', 'endsWith', 'contains'), tie('part'))
      .map(([a, name, b]) => `(${a}).${name}(${b})`),
    fc.tuple(tie('part'), tie('part'), tie('part')).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
    fc
      .tuple(leaf, fc.constantFrom('exists', 'all', 'exists_one'), tie('pair'))
      .map(([a, name, b]) => `(${a}).${name}(x, x == ${b})`),
    fc.constantFrom('has(params.n)', 'has(params.nope)', 'has(steps.a.outputs.x)', 'has(item.k)', 'has(params.map.a)'),
  ),
}));
