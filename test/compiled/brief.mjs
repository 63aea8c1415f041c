// The processes of tests are brief. V8 compiles a function that has done some work, by its measure of 132 KB, once more for speed: of what
// tests do, a tenth. Here it waits for eight times as much.

import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--interrupt-budget=1000000');
