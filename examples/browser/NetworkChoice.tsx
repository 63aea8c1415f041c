/** The network that a run trains: what can be chosen of it, and what comes of that, layer by layer. */

import { formatBytes } from '../../src/graph.ts';
import { networkWords } from './fields.ts';
import { Setting } from './Setting.tsx';
import type { Store } from './store.ts';

export function NetworkChoice({ store }: { readonly store: Store }) {
  const plan = store.plan.value;
  const sketch = store.sketch.value;
  const { blocks, denseLayers } = plan;
  return (
    <>
      <details class="fold">
        <summary>
          Network
          <small>{networkWords(plan)}</small>
        </summary>
        <div class="fields">
          <Setting store={store} name="blocks" />
          <Setting store={store} name="filters" disabled={blocks === 0} />
          <Setting store={store} name="kernelSize" disabled={blocks === 0} />
          <Setting store={store} name="pooling" disabled={blocks === 0} />
          <Setting store={store} name="denseLayers" />
          <Setting store={store} name="units" disabled={denseLayers === 0} />
          <Setting store={store} name="activation" disabled={blocks + denseLayers === 0} />
          <Setting store={store} name="batchNorm" disabled={blocks + denseLayers === 0} />
        </div>
        {sketch !== null && (
          <table class="sketch">
            <caption>The study’s runs keep the network that the page begins with.</caption>
            <thead>
              <tr>
                <th scope="col">Layer</th>
                <th scope="col">Output</th>
                <th scope="col">Parameters</th>
              </tr>
            </thead>
            <tbody>
              {sketch.layers.map(({ name, outputShape, parameters }) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>{outputShape.join(' × ')}</td>
                  <td>{parameters === 0 ? '–' : parameters.toLocaleString('en-US')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </details>
      <p class="hint sketched" role="status">
        {sketch === null ? (
          ' '
        ) : (
          <>
            {sketch.parameters.toLocaleString('en-US')} parameters
            {sketch.bytes !== null && `, ${formatBytes(sketch.bytes)} on the GPU`}
            {Math.abs(sketch.work - 1) > 0.05 && `, ${timesWords(sketch.work)} the study’s work an image`}
            {sketch.warning !== null && <strong class="bad"> {sketch.warning}</strong>}
          </>
        )}
      </p>
    </>
  );
}

const timesWords = (times: number): string => `${times < 10 ? times.toFixed(times < 1 ? 2 : 1) : Math.round(times)} ×`;
