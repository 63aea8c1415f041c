// Looks for an adapter, in a process of its own because a broken driver takes the process with it. Prints one line of
// JSON: { adapter: { name, kind } | null }, { error } or { advice, lavapipe }. Everything but 'system' wants tsx.
//
//   node probe.mjs system [name]                  what Dawn finds by itself; 'name': only adapters called so
//   node --import tsx probe.mjs swiftshader       the SwiftShader of @sparticuz/chromium
//   node --import tsx probe.mjs advice            what to do on this machine when there is none

const [, , what, name] = process.argv;

async function look() {
  const { create } = await import('webgpu');
  // In a global: once the object is collected, Dawn aborts the process.
  globalThis.gpu = create(name ? [`adapter=${name}`] : []);
  // With a name, Dawn throws when nothing is called so.
  const adapter = await globalThis.gpu.requestAdapter().catch(() => null);
  if (!adapter) return { adapter: null };
  const { info } = adapter;
  const label = info.description || info.device || info.vendor;
  const kind = /swiftshader/i.test(label)
    ? 'swiftshader'
    : /llvmpipe/i.test(label)
      ? 'lavapipe'
      : info.isFallbackAdapter
        ? 'software'
        : 'hardware';
  globalThis.device = await adapter.requestDevice();
  return { adapter: { name: label, kind } };
}

async function answer() {
  if (what === 'advice') {
    const { lavapipeAdvice, setupAdvice } = await import('../../src/platform/node/adapterAdvice.ts');
    return { advice: setupAdvice(), lavapipe: lavapipeAdvice() };
  }
  if (what === 'swiftshader') {
    const { loadSwiftShader } = await import('../../src/platform/node/swiftShader.ts');
    if (!loadSwiftShader()) return { adapter: null };
  }
  return look();
}

console.log(JSON.stringify(await answer().catch((error) => ({ error: error.message.split('\n')[0] }))));
