/** Goal: a value that leaves a schema without room on the stack is refused, not thrown at. Method: a very deep one. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { parseBounded } from '../../src/contract/bounded-parse.ts';

const fault = [
  expect.objectContaining({ path: [], message: 'has more faults than can be listed, or is nested too deep' }),
];

test('a value that is nested 200,000 deep is refused', () => {
  const schema: z.ZodType = z.lazy(() => z.array(schema));
  let deep: unknown = [];
  for (let depth = 0; depth < 200_000; depth += 1) deep = [deep];
  expect(parseBounded(schema, deep).error?.issues).toEqual(fault);
});

test('any other value is read as the schema reads it, and what a schema throws is thrown', () => {
  expect(parseBounded(z.number(), 1)).toEqual({ success: true, data: 1 });
  expect(parseBounded(z.number(), 'a').error?.issues).toEqual([expect.objectContaining({ code: 'invalid_type' })]);
  const broken = z.number().transform(() => {
    throw new TypeError('a bug');
  });
  expect(() => parseBounded(broken, 1)).toThrow(TypeError);
});
