/** Entry of the sweep's page: its data lies in the page itself. */

import '../../ui/ui.css';
import '../../ui/document.css';
import './page.css';
import { render } from 'preact';
import { type PageData, parsePage } from './pageData.ts';
import { SweepPage } from './SweepPage.tsx';

const root = document.getElementById('sweep');
const json = document.getElementById('sweep-data')?.textContent ?? '';

/** Milliseconds between two looks at a sweep that runs. */
const EVERY = 1500;

/** Draws, and looks again as long as there is more to come. What a reader has chosen stays. */
function show(data: PageData, trouble = ''): void {
  if (root !== null) render(<SweepPage data={data} trouble={trouble} />, root);
  if (data.live !== true || trouble !== '') return;
  setTimeout(() => {
    fetch('data.json')
      .then((answer) => answer.text())
      .then(
        (text) => show(parsePage(text)),
        () => show(data, 'The sweep has ended, or was interrupted: this is how far it was when last heard of.'),
      );
  }, EVERY);
}

show(parsePage(json));
