/**
 * Pictures of a model, its training, its data and its weights, as SVG and PNG. A module of its own, `wgrad/pictures`, because it
 * needs optional packages: fast-png for images, vega and vega-lite for curves, @dagrejs/dagre for models, and in Node
 * @resvg/resvg-js, which draws, with the font of @expo-google-fonts/source-sans-3. A picture of your own is put together from what those are made of: `Picture`, text,
 * small charts of lines or bars, and any chart of Vega-Lite.
 * @module wgrad/pictures
 */

export { type FilterScale, filterPixels, imagePixels, montage, type Pixels } from '../io/pixels.ts';
export type { Classes } from './classes.ts';
export { confusionCounts, type Guess, likeliest } from './confusion.ts';
export { type ConfusionMatrixOptions, confusionMatrix } from './confusionMatrix.ts';
export { type BeforeAfter, type FilterGridOptions, filterGrid, type Kernel } from './filterGrid.ts';
export { type ImageArray, type ImageGridOptions, type Images, imageGrid } from './imageGrid.ts';
export { PALETTE } from './palette.ts';
export {
  type Bar,
  type BarPanel,
  barPanel,
  type Level,
  type Line,
  type LinePanel,
  linePanel,
  type Note,
} from './panel.ts';
export { Picture, type PngOptions } from './picture.ts';
export { type PlotHistoryOptions, plotHistory } from './plotHistory.ts';
export { type PlotModelOptions, plotModel } from './plotModel.ts';
export { rateFalls } from './rateFalls.ts';
export { spread } from './spread.ts';
export { type Paragraph, paragraph, place } from './svgSheet.ts';
export { FONT, type TextStyle, text } from './svgText.ts';
export type { EpochNumbers, Training, Trainings } from './trainings.ts';
export { vegaChart } from './vegaChart.ts';
