/** The thread that answers inquiries. Its owner is `thread-reader.ts`. */
import { parentPort } from 'node:worker_threads';
import type { InquiryAnswer, InquiryBatch } from '../contract/inquiry.ts';
import { answerBatch } from './answer.ts';

parentPort?.on('message', (batch: InquiryBatch) => {
  const answers = answerBatch(batch);
  parentPort?.postMessage(answers, answers.flatMap(toTransfers));
});

function toTransfers(answer: InquiryAnswer): ArrayBuffer[] {
  if (answer.kind !== 'list') return [];
  return answer.lists.flatMap(([, { bytes, ends }]) => [bytes.buffer as ArrayBuffer, ends.buffer as ArrayBuffer]);
}
