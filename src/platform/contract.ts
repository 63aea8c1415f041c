/** What the library asks of the platform that it runs on: node/ answers in Node, browser.ts elsewhere. */

import type { AdapterChoice, DriverOptions, FoundAdapter } from './adapter.ts';
import type { Waiter } from './waiter.ts';

/** One place that holds a text. */
export interface Shelf {
  /** Where it is, for messages. */
  readonly name: string;
  /** The text, or null where there is none. */
  read(): Promise<string | null>;
  /** Replaces the text by what `change` makes of it; nobody else writes in between. */
  update(change: (text: string | null) => string): Promise<void>;
}

/** The module that `#platform` stands for. */
export interface Platform {
  readonly isNode: boolean;
  /** A variable of the environment, in a browser a text that the page has set on `globalThis`; undefined where there is none. */
  environment(name: string): string | undefined;
  /**
   * Node's file functions.
   * @param who what an error calls the caller
   * @param instead the remedy that it ends with
   * @throws StateError in a browser
   */
  files(who: string, instead: string): typeof import('node:fs/promises');
  /** Writes a file that is the old one or the new one, whenever the process ends. */
  writeWhole(path: string, data: Uint8Array | string): Promise<void>;
  /** All bytes of a file. */
  readWhole(path: string): Promise<Uint8Array>;
  /** Makes a folder with all above it. */
  makeFolder(path: string): Promise<void>;
  /** Where the tuned choices of an adapter are kept. */
  tuningShelf(adapter: string): Shelf;
  /** How to wait for a device; `software`: its shaders run on this CPU. */
  waiter(software: boolean): Waiter;
  /** @throws DeviceError where there is none */
  findAdapter(choice: AdapterChoice): Promise<FoundAdapter>;
  /**
   * A browser knows no options.
   * @throws DeviceError where there is none, or where it cannot be had like that
   */
  findAdapter(choice: AdapterChoice, options?: DriverOptions): Promise<FoundAdapter>;
}
