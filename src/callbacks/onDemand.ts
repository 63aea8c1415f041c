/** What callbacks load that write files, and what one says of a training that failed. One module: see ../training/onDemand/index.ts. */

export { makeFolderOf, onDisk } from '../platform/files.ts';
export { CsvFile } from './csvFile.ts';
export { describeNonFinite } from './divergence/describeNonFinite.ts';
export { divergenceAdvice } from './divergence/divergenceAdvice.ts';
export { JsonFile } from './jsonFile.ts';
