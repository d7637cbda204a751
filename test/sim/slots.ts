/**
 * The schedule of one template, run by the engine's own `Schedules` on the world's clock: its slots are due while clients
 * work, while nobody lives, and when the clock jumps. What it asks of the engine is asked as clients do.
 */
import type { Template } from '../../src/contract/definition.ts';
import type { TemplateSchedule } from '../../src/contract/schedule.ts';
import { Schedules } from '../../src/engine/schedules.ts';
import type { Clients } from './clients.ts';
import { drawSlot, scheduledTemplate, slotCron } from './slot-definitions.ts';
import type { World } from './world.ts';

export class Slots {
  readonly #world: World;
  readonly #clients: Clients;
  readonly #schedule: TemplateSchedule;
  #running: Schedules | null = null;

  constructor(world: World, clients: Clients) {
    this.#world = world;
    this.#clients = clients;
    this.#schedule = { cron: slotCron, timezone: 'UTC', params: { slot: '{{slot}}' }, ...world.swarm.schedule };
  }

  /** In a life that has begun; it ends with it. */
  begin(): void {
    const { life, agenda, swarm, seed } = this.#world;
    const coordinator = life?.coordinator;
    if (!life || !coordinator || swarm.schedule === null) return;
    const template = { id: scheduledTemplate, schedule: this.#schedule } as unknown as Template;
    this.#running = new Schedules({
      coordinator,
      templates: { list: async () => [template], problems: async () => [] },
      submit: (_, params, key) => this.#clients.submitUnder(key, drawSlot(seed, String(params.slot))),
      stop: (id) => this.#clients.stop(id),
      finished: (id, signal) => coordinator.call('get', { id, waitMs: null, until: 'finished', textMax: 0 }, signal),
      clock: { now: () => agenda.wall, timer: (ms, run) => agenda.add(ms, life, run) },
    });
    void this.#running.run();
  }

  /** No slot is due any more. */
  end(): void {
    void this.#running?.close();
    this.#running = null;
  }
}
