/** A point of the plane of learning rate and batch size. */
export type Point = Readonly<Record<'batchSize' | 'learningRate', number>>;
