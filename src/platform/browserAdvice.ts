/** What a person reads whose browser has nothing to compute on; loaded only then. */

import type { AdapterChoice } from './adapter.ts';

/** `gpu`: the browser's WebGPU, if there is any. */
export const noAdapterFor = (choice: AdapterChoice, gpu: GPU | undefined): string =>
  gpu === undefined
    ? 'This browser offers no WebGPU (navigator.gpu is missing). Use a browser with WebGPU on a secure page (https or ' +
      'localhost), or enable it in the browser’s settings.'
    : `The browser offers WebGPU but no ${choice === 'hardware' ? 'GPU' : 'adapter'} for it. Update the graphics driver, or ` +
      'allow hardware acceleration in the browser’s settings.';
