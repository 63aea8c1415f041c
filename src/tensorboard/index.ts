/**
 * Event files that TensorBoard shows. A module of its own, `wgrad/tensorboard`, because it needs the optional packages
 * protobufjs and @aws-crypto/crc32c, and fast-png for images. Only in Node.
 * @module wgrad/tensorboard
 */
export { TensorBoard, type TensorBoardOptions } from './tensorBoard.ts';
