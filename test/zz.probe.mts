import { tensor } from '../src/tensor.ts';
import { grad } from '../src/functional.ts';
const [, , b, h, c, n, k, which] = process.argv; const B=+b,H=+h,C=+c,N=+n,K=+k;
const t0 = performance.now();
const x = tensor(new Float32Array(B*H*H*C),[B,H,H,C]), w = tensor(new Float32Array(K*K*C*N),[K,K,C,N]);
if (which === 'f') await x.conv2d(w,{padding:'same'}).data();
if (which === 'x') await grad((x) => x.conv2d(w,{padding:'same'}).sum())(x)[0].data();
if (which === 'w') await grad((w) => x.conv2d(w,{padding:'same'}).sum())(w)[0].data();
console.log(process.argv.slice(2).join(' '), performance.now() - t0, process.memoryUsage().rss / 1e6);
