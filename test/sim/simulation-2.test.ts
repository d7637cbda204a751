// The second half of the seeds; see simulation-1.test.ts.
import { testPart } from './part.ts';

testPart(1);
