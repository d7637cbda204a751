// Goal: schedules over HTTP: the list, and the calls that pause, resume and trigger one.
import { expect, test } from 'vitest';
import { fakeSchedule } from '../fixtures/fake-engine.ts';
import { startServer } from './running-server.ts';

test('the list and the three calls answer with what the engine says, and pass the key on', async () => {
  const { call, engine } = await startServer();
  expect((await call('GET', '/api/schedules')).json).toEqual([fakeSchedule]);
  expect((await call('POST', '/api/schedules/two-steps/pause')).json).toMatchObject({ paused: true, next: null });
  expect((await call('POST', '/api/schedules/two-steps/resume')).json).toEqual(fakeSchedule);
  const path = '/api/schedules/two-steps/trigger';
  const again = await call('POST', path, { headers: { 'Idempotency-Key': 'again' } });
  expect([again.status, again.headers['idempotency-replayed'], again.json.queued]).toEqual([200, 'true', true]);
  expect(engine.callsOf('triggerSchedule')).toEqual([['two-steps', { idempotencyKey: 'again' }]]);
});

test('what is no template id is 404, and a body is refused', async () => {
  const { call } = await startServer();
  expect((await call('POST', '/api/schedules/a%20b/pause')).status).toBe(404);
  expect((await call('POST', '/api/schedules/two-steps/pause', { body: { a: 1 } })).status).toBe(422);
});
