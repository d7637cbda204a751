/** Large texts cross to the caller's thread only when the caller has room for them. */
import type { CallName, CoordinatorCalls, StepText, WorkflowText } from '../../contract/coordinator.ts';

/** The answer, without its text where that is longer than the call allows. */
export function withheldText<K extends CallName>(
  answer: CoordinatorCalls[K]['answer'],
  textMax = Number.POSITIVE_INFINITY,
): CoordinatorCalls[K]['answer'] {
  if (!isText(answer) || answer.json.length <= textMax) return answer;
  return { ...answer, json: '', withheld: answer.json.length } as CoordinatorCalls[K]['answer'];
}

function isText(answer: unknown): answer is WorkflowText | StepText {
  return typeof answer === 'object' && answer !== null && 'json' in answer && 'hasBlobs' in answer;
}
