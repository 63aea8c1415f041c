/** report.html as a file: whole, self-contained and faithful to what it was given. test/browser/ opens it. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { curvesOfResults } from '../examples/report/curvesOfResults.ts';
import { parseReport, pixelsOf } from '../examples/report/reportData.ts';
import { writeReport } from '../examples/report/writeReport.ts';
import { findings, HOSTILE } from './reportFindings.ts';

const folder = mkdtempSync(join(tmpdir(), 'wgrad-report-'));
const test = suite('report');
test.after(() => rmSync(folder, { recursive: true, force: true }));

let html = '';
const dataIn = (page: string): string =>
  /<script type="application\/json" id="report-data">(.*?)<\/script>/s.exec(page)?.[1] ?? '';

test('it is one file, which names no other', async () => {
  const path = await writeReport(folder, findings);
  html = readFileSync(path, 'utf8');
  assert.equal(readdirSync(folder), ['report.html']);
  assert.match(html, /<script type="module"[^>]*>/);
  assert.match(html, /<style[^>]*>/);
  assert.not.match(html, /<(script|link|img)[^>]*\s(src|href)="(?!data:)/);
  assert.not.match(html, /url\((?!["']?data:)/);
});

test('no text ends the script that it stands in', () => {
  const { environment } = parseReport(dataIn(html));
  assert.is(environment.at(-1)?.[1], HOSTILE);
  assert.not.match(html, HOSTILE);
});

test('numbers come through, NaN as NaN, and images to the byte', () => {
  const { results, exhibits, samples, classNames, trainingImages } = parseReport(dataIn(html));
  assert.equal(results.runs[0].history, findings.results.runs[0].history);
  assert.equal(results.runs[1].history.val_loss, [2.31, Number.NaN, Number.NaN, Number.NaN]);
  assert.is(exhibits[1].filters.after.every(Number.isNaN), true);
  assert.is(exhibits[1].confusion[3][10], 9);
  assert.is(samples.length, 12);
  assert.is(samples[5].label, findings.data.test.labels[5]);
  assert.equal(pixelsOf(samples[5]).data, findings.data.test.images.slice(5 * 3072, 6 * 3072));
  assert.equal(classNames, findings.data.classNames);
  assert.is(trainingImages, 1000);
});

test('curves have a reading an epoch, at steps of whole batches', () => {
  const [baseline, high] = curvesOfResults(findings.results, 1000);
  assert.equal(baseline.validation.step, [32, 64, 96, 128]);
  assert.equal(baseline.validation.seconds, [2, 4, 6, 8]);
  assert.equal(baseline.validation.accuracy, findings.results.runs[0].history.val_accuracy);
  assert.equal(baseline.training.loss, findings.results.runs[0].history.loss);
  assert.is(baseline.color, 0);
  assert.is(high.color, 1);
  assert.is(high.brokenAt, 40);
  assert.is(baseline.brokenAt, null);
});

test.run();
