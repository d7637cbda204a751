// Goal: an error answer is small, whatever a client has sent (PR3). Method: both sides of each bound, and the largest
// bodies of every kind that a route refuses.
import { describe, expect, it } from 'vitest';
import { invalid, Refusal } from '../../src/contract/failures.ts';
import { toProblem } from '../../src/server/problem.ts';
import { createWorkflow, startServer } from './running-server.ts';

const faults = (count: number) => Array.from({ length: count }, (_, n) => ({ path: `p${n}`, message: `m${n}` }));
const errorsOf = (count: number) =>
  toProblem(new Refusal({ code: 'INVALID', detail: 'x', errors: faults(count) })).errors;

describe('PR3: an error answer', () => {
  it('names 101 faults, or 100 and how many more', () => {
    expect(errorsOf(0)).toEqual([]);
    expect(errorsOf(101)).toEqual(faults(101));
    expect(errorsOf(102)).toEqual([...faults(100), { path: '', message: 'and 2 more' }]);
    expect(errorsOf(370_000)).toEqual([...faults(100), { path: '', message: 'and 369900 more' }]);
  });

  it('has texts of at most 300 characters, and a detail of at most 1,000', () => {
    const problem = (length: number) =>
      toProblem(
        new Refusal({
          code: 'INVALID',
          detail: 'd'.repeat(length),
          errors: [{ path: 'p'.repeat(length), message: 'm'.repeat(length) }],
        }),
      );
    expect(problem(300).errors).toEqual([{ path: 'p'.repeat(300), message: 'm'.repeat(300) }]);
    expect(problem(301).errors).toEqual([{ path: `${'p'.repeat(299)}…`, message: `${'m'.repeat(299)}…` }]);
    expect(problem(1_000).detail).toBe('d'.repeat(1_000));
    expect(problem(1_001).detail).toBe(`${'d'.repeat(999)}…`);
    const astral = toProblem(new Refusal({ code: 'CONFLICT', detail: '𝒳'.repeat(600) }));
    expect(astral.detail).toBe(`${'𝒳'.repeat(499)}…`);
  });

  it('keeps what is short as it is', () => {
    expect(toProblem(invalid('The body is not valid', faults(2)))).toEqual({
      type: 'urn:hybrid-engine:invalid',
      title: 'Invalid',
      status: 422,
      detail: 'The body is not valid: p0: m0 (and 1 more; see errors)',
      code: 'INVALID',
      errors: faults(2),
    });
  });

  it('is small on every route that takes a body', async () => {
    const running = await startServer();
    const id = await createWorkflow(running);
    const many = Object.fromEntries(Array.from({ length: 9_000 }, (_, n) => [`unknown field ${n}`, n]));
    const long = { ['k'.repeat(200_000)]: 1 };
    const routes = [
      ['POST', '/api/workflows'],
      ['POST', '/api/workflows/from-template'],
      ...['external-data', 'branches', 'stop', 'resume', 'retry'].map((name) => [
        'POST',
        `/api/workflows/${id}/${name}`,
      ]),
      ['DELETE', `/api/workflows/${id}`],
    ] as [string, string][];
    for (const [method, path] of routes) {
      for (const body of [many, long]) {
        const answer = await running.call(method, path, { body });
        expect([path, answer.status]).toEqual([path, 422]);
        expect(answer.text.length).toBeLessThan(70_000);
      }
    }
  });
});
