/** What a visitor without WebGPU sees. */

interface Browser {
  readonly name: string;
  readonly where: string;
  readonly how: string;
}

const BROWSERS: readonly Browser[] = [
  {
    name: 'Chrome, Edge',
    where: 'from version 113 on Windows, macOS and ChromeOS, from 121 on Android',
    how: 'on Linux, or where it is off: open chrome://flags/#enable-unsafe-webgpu, choose “Enabled” and restart; then see chrome://gpu',
  },
  {
    name: 'Safari',
    where: 'from version 26 on macOS, iOS and iPadOS',
    how: 'in versions 17 and 18: Settings, Feature Flags, “WebGPU”',
  },
  {
    name: 'Firefox',
    where: 'from version 141 on Windows, from 145 on Macs with Apple’s chips',
    how: 'elsewhere: open about:config and set dom.webgpu.enabled to true (surest in Nightly)',
  },
];

export function NoWebGpu({ reason }: { readonly reason: string }) {
  return (
    <main class="no-webgpu card">
      <h1>This browser cannot train here</h1>
      <p>
        The page trains a network on your graphics processor through WebGPU, and found none: <em>{reason}</em>
      </p>
      {!isSecureContext && (
        <p>
          <strong>This page came over an insecure connection.</strong> Browsers offer WebGPU on https and on localhost
          only.
        </p>
      )}
      <table>
        <thead>
          <tr>
            <th>Browser</th>
            <th>Has WebGPU</th>
            <th>How to turn it on</th>
          </tr>
        </thead>
        <tbody>
          {BROWSERS.map(({ name, where, how }) => (
            <tr key={name}>
              <th>{name}</th>
              <td>{where}</td>
              <td>{how}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p>
        Also make sure that hardware acceleration is on in the browser’s settings and that the graphics driver is
        recent.
      </p>
      <p>
        Without a browser: <code>npm install && npm run cifar</code> runs the same study in Node, also without a GPU.
      </p>
    </main>
  );
}
