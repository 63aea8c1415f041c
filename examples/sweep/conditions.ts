/** What decides the numbers of a trial beside its parameters. */

import type { ImageDataset } from '../../src/index.ts';
import { describeData } from '../study/data.ts';

export const conditionsOf = (adapter: string, data: ImageDataset): Record<string, string> => ({
  data: describeData(data),
  adapter,
});
