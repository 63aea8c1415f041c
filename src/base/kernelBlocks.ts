/**
 * Set in the number of every block of four that kernels draw ('drop' in ASCII). Tensors hold fewer than 2^30 blocks, so bit 30
 * keeps kernels' draws apart from all that the host draws, whatever the seeds and streams.
 */
export const KERNEL_BLOCKS = 0x64726f70;
