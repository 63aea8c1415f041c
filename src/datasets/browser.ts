/** What reads data sets, as browsers have it; in Node node/ stands for it. */

import { DataError } from '../base/errors.ts';
import type { LoadCifar10 } from './cifar10Options.ts';

export const loadCifar10: LoadCifar10 = async () => {
  throw new DataError(
    'cifar10.load reads files and needs Node. In a browser, fetch the batch files and pass their bytes to cifar10.decode.',
  );
};
