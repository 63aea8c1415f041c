/** What reads data sets, as Node has it: `#datasets` stands for this module in Node and for ../browser.ts elsewhere. */

export { loadCifar10 } from './cifar10.ts';
