/** G: a secret's value is in no job, answer, event, refusal or file, whatever the machine that got it says back. */
import type { EngineEvent } from '../../../src/contract/event.ts';
import type { RefusalData } from '../../../src/contract/failures.ts';
import type { Outcome } from '../../../src/contract/job.ts';
import type { Workflow } from '../../../src/contract/workflow.ts';
import { type Answer, type Check, type Execution, type SentCall, Violation } from '../check.ts';

export class SecretsCheck implements Check {
  readonly #forms: readonly string[];
  readonly #bytes: readonly Buffer[];
  #sent = 0;

  constructor(forms: readonly string[]) {
    this.#forms = forms;
    this.#bytes = forms.map((form) => Buffer.from(form));
  }

  #look(where: string, text: string): void {
    if (this.#forms.some((form) => text.includes(form)))
      throw new Violation('SB2', `${where} holds the value of a secret`);
  }

  dispatched({ job }: Execution): void {
    this.#look(`job ${job.jobId}`, JSON.stringify(job));
    if (job.secretUse !== undefined) this.#sent += 1;
    else if (job.paramsJson.includes('{{secrets.'))
      throw new Violation('SE4', `job ${job.jobId} does not tell its place`);
  }

  ended({ job }: Execution, outcome: Outcome): void {
    this.#look(`the outcome of job ${job.jobId}`, JSON.stringify(outcome));
  }

  answered(call: SentCall, answer: Answer): void {
    if (this.#sent > 0) this.#look(`the answer to ${call.kind}`, JSON.stringify(answer) ?? '');
  }

  refused(call: SentCall, refusal: RefusalData): void {
    this.#look(`the refusal of ${call.kind}`, JSON.stringify(refusal));
  }

  document(workflow: Workflow, text: string): void {
    this.#look(`a document of ${workflow.id}`, text);
  }

  event(event: EngineEvent): void {
    this.#look(`event ${event.kind}`, JSON.stringify(event));
  }

  file(path: string, bytes: Buffer): void {
    if (this.#bytes.some((form) => bytes.includes(form)))
      throw new Violation('SB2', `the file ${path} holds the value of a secret`);
  }
}
