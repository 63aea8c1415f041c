/** What the policy of the built live page forbids. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { POLICY } from '../examples/browser/vite.ts';

const test = suite('page policy');

test('nothing that is loaded, sent or submitted reaches another host', () => {
  const directives = new Map(
    POLICY.split('; ').map((directive): [string, string] => {
      const [name, ...sources] = directive.split(' ');
      return [name, sources.join(' ')];
    }),
  );
  assert.is(directives.get('default-src'), "'self'");
  // Those that the default does not stand for.
  for (const name of ['form-action', 'base-uri', 'connect-src']) assert.is(directives.get(name), "'none'", name);
  for (const [name, sources] of directives) assert.not.match(sources, /\*|https?:|unsafe-eval/, name);
});

test.run();
