/**
 * Goal: the store keeps J1 to J3, V1, V2 and C1 of `contract/store.ts` on every disk that the tests put under it, so that what
 * other tests show on a disk in memory holds for a directory. Method: one suite, store.suite.ts, over each of them.
 */
import { describeStore } from './store.suite.ts';
import { directoryStore, memoryStore, powerCutStore, worldStore } from './store-stands.ts';

describeStore('the store in a directory', directoryStore);
describeStore('the store on a disk in memory', memoryStore);
describeStore('the store on a disk that loses power', powerCutStore);
describeStore('the store on the disk of the simulated world', worldStore);
