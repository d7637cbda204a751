/** What a command is given: where it was called, and the part of an engine that it may use. */
import type { Engine } from '../contract/engine.ts';
import type { NewClient, PairedClient, Pairing } from '../contract/pairing.ts';

/** The part of the engine's port that commands use. */
export type CliEngine = Pick<
  Engine,
  | 'submit'
  | 'submitTemplate'
  | 'get'
  | 'getStep'
  | 'list'
  | 'stop'
  | 'delete'
  | 'decide'
  | 'follow'
  | 'templates'
  | 'schedules'
  | 'pauseSchedule'
  | 'resumeSchedule'
  | 'triggerSchedule'
  | 'actions'
  | 'costs'
  | 'close'
>;

/** Who may call a server: only a server has clients. */
export interface CliClients {
  pair(): Promise<Pairing>;
  create(request: Pick<PairedClient, 'name' | 'scope'>): Promise<NewClient>;
  list(): Promise<PairedClient[]>;
  revoke(id: string): Promise<void>;
}

/** Where a command was called: all it may know of the process. */
export interface CliContext {
  env: NodeJS.ProcessEnv;
  cwd: string;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
}
