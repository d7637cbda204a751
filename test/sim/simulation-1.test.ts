// Goal: G1 to G8, G10, G15, G17 and C7 over whole histories. Method: the real engine in a simulated world, one history per
// seed, with deaths, power cuts, late and double results, jumping clocks; checkers that share no code with the engine.
// A failure prints what repeats it. SIM_SEEDS and SIM_FROM choose the seeds.
import { testPart } from './part.ts';

testPart(0);
