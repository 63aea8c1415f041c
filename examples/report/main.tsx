/** Entry of the report page: its data lies in the page itself. */

import 'uplot/dist/uPlot.min.css';
import '../ui/ui.css';
import '../ui/document.css';
import './report.css';
import { render } from 'preact';
import { mendLanguage } from '../ui/locale.ts';
import { parseReport } from './reportData.ts';

const root = document.getElementById('report');
const json = document.getElementById('report-data')?.textContent ?? '';
mendLanguage();
const { Report } = await import('./Report.tsx');
if (root !== null) render(<Report data={parseReport(json)} />, root);
