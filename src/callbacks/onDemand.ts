/** What callbacks load that write files. One module: see ../training/onDemand/index.ts. */

export { makeFolderOf, onDisk } from '../platform/files.ts';
export { CsvFile } from './csvFile.ts';
export { JsonFile } from './jsonFile.ts';
